package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/session"
)

func (a *app) reportCommand() *cobra.Command {
	format := "terminal"
	cmd := &cobra.Command{
		Use:     "report [ID]",
		Short:   "Show a stored run again",
		Example: "  regreen report\n  regreen report k3f9a2x --format markdown",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rp, err := repo.Open(cmd.Context(), a.dir, a.environ)
			if err != nil {
				return err
			}
			id := strings.Join(args, "")
			rep, err := repair.Stored(rp.StateDir(), id)
			if err != nil {
				return err
			}
			if format == "terminal" {
				return report.Terminal(a.stdout, rep, report.TerminalOptions{Color: a.color() && isTerminal(a.stdout), Width: a.width, Verbose: a.verbose})
			}
			render := renderers[format]
			if render == nil {
				return &session.UsageError{Msg: fmt.Sprintf("--format %q is none of terminal, markdown, json", format)}
			}
			b, err := render(a, rep)
			if err != nil {
				return err
			}
			_, err = a.stdout.Write(b)
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", format, "`terminal|markdown|json`")
	return cmd
}

func (a *app) detectCommand() *cobra.Command {
	var asJSON bool
	var flags session.Flags
	cmd := &cobra.Command{
		Use:     "detect",
		Short:   "Tell where regreen runs, in which mode, and why",
		Example: "  regreen detect --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.open(cmd.Context(), "", nil, flags)
			if err != nil {
				return err
			}
			defer func() { _ = s.Close() }()
			e := s.Environment
			if asJSON {
				enc := json.NewEncoder(a.stdout)
				enc.SetIndent("", "  ")
				return enc.Encode(e)
			}
			opt, err := s.Repair(repo.WorkTree(), versionText(), nil)
			if err != nil {
				return err
			}
			line := func(name, value string) {
				if value != "" {
					fmt.Fprintf(a.stdout, "%-9s %s\n", name, printable(value))
				}
			}
			line("mode", string(e.Mode))
			for _, why := range e.Reasons {
				line("", "because "+why)
			}
			line("event", e.Event)
			line("provider", e.Provider)
			line("host", e.Host)
			line("branch", e.Branch)
			line("head", e.Head)
			line("base", strings.TrimSpace(e.Base+" ("+e.BaseWhy+")"))
			line("policy", opt.Policy)
			line("held", e.Hold)
			line("budget", opt.Budget.String())
			line("channels", strings.Join(s.Defaults.Channels, ", "))
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	cmd.Flags().StringVar(&flags.Base, "base", "", "revision to compare with")
	return cmd
}

// printable takes control characters out of text that came from elsewhere.
func printable(s string) string { return oneLine(s, 400) }

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
