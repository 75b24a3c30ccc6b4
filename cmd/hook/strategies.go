package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/lang/all"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/session"
	"github.com/regreen-ci/regreen/internal/testrun"
)

func (a *app) strategiesCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "strategies [NAME]",
		Short: "List the strategies, or explain one",
		Long: `List the strategies that search for patches: the names that --strategies and
--exclude-strategies take, how many real fixes have that form, and what they
propose.

With the NAME of a strategy, explain when it applies and show an example. A NAME
that ends in / lists a group.`,
		Example: `  regreen strategies
  regreen strategies template/guard
  regreen strategies compile/ --json`,
		Args: atMost(1),
		RunE: func(_ *cobra.Command, args []string) error {
			chosen, err := session.Select(all.Strategies(), args, nil)
			switch {
			case err != nil:
				return err
			case asJSON:
				return a.encodeStrategies(chosen)
			case len(args) == 1 && chosen[0].Name == args[0]:
				a.explainStrategy(&chosen[0])
			default:
				a.listStrategies(chosen)
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return strategyNames(all.Strategies()), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func strategyNames(all []propose.Strategy) []string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.Name
	}
	return names
}

func (a *app) listStrategies(chosen []propose.Strategy) {
	width := 0
	for _, s := range chosen {
		width = max(width, len(s.Name))
	}
	for _, s := range chosen {
		fmt.Fprintf(a.stdout, "%-*s  %6s  %s\n", width, s.Name, s.ShareText(), s.Title)
	}
	fmt.Fprintf(a.stdout, "\nShares are of %s;\nwith ~, of %s.\n", propose.ShareBasis, propose.EstimateBasis)
}

func (a *app) explainStrategy(s *propose.Strategy) {
	fmt.Fprintf(a.stdout, "%s: %s\n\n%s\n\n", s.Name, s.Title, s.Text)
	for line := range strings.Lines(s.Example()) {
		fmt.Fprintln(a.stdout, strings.TrimRight("    "+line, " \n"))
	}
	basis := propose.ShareBasis
	if !s.Measured {
		basis = propose.EstimateBasis
	}
	fmt.Fprintf(a.stdout, "\nshare     %s of %s\n", s.ShareText(), basis)
	var kinds []string
	for _, k := range s.FailureKinds() {
		kinds = append(kinds, string(k))
	}
	fmt.Fprintf(a.stdout, "failures  %s\n", strings.Join(kinds, ", "))
	if s.LastResort {
		fmt.Fprintln(a.stdout, "order     last resort: it runs when the others found no verified patch")
	}
}

func (a *app) encodeStrategies(chosen []propose.Strategy) error {
	type strategy struct {
		Name       string         `json:"name"`
		Title      string         `json:"title"`
		Text       string         `json:"text"`
		Before     string         `json:"before"`
		After      string         `json:"after"`
		Share      float64        `json:"share"`
		Measured   bool           `json:"measured"`
		Kinds      []testrun.Kind `json:"kinds"`
		LastResort bool           `json:"last_resort"`
	}
	out := make([]strategy, len(chosen))
	for i, s := range chosen {
		text := strings.ReplaceAll(s.Text, "\n", " ")
		out[i] = strategy{s.Name, s.Title, text, s.Before, s.After, s.Share, s.Measured, s.FailureKinds(), s.LastResort}
	}
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}
