package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/session"
)

func (a *app) detectCommand() *cobra.Command {
	var asJSON bool
	var flags session.Flags
	cmd := &cobra.Command{
		Use:   "detect",
		Short: "Show the mode, event and base that regreen detects here, and why",
		Long: `Show what regreen detects: whether it runs on a developer's machine or in CI, the
event, the branch and the base revision; and what follows from that for applying
patches, the budget, and the channels of the report.`,
		Example: `  regreen detect
  regreen detect --json`,
		Args: atMost(0),
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
			line("policy", opt.Decision.Policy)
			line("held", e.Hold)
			line("budget", opt.Limits.Budget.String())
			var names []string
			for _, name := range s.Defaults.Channels {
				names = append(names, string(name))
			}
			line("channels", strings.Join(names, ", "))
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&flags.Base, "base", "", "compare with revision `REV` (default: detected)")
	return cmd
}
