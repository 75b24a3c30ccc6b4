package main

import (
	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/session"
)

func (a *app) testCommand() *cobra.Command {
	var flags session.Flags
	var out outputs
	cmd := &cobra.Command{
		Use:     "test",
		Short:   "Run the tests sealed and tell new failures from known and flaky ones",
		Example: "  regreen test\n  regreen test --base main --json -",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.fix(cmd.Context(), flags, out, false)
		},
	}
	a.runFlags(cmd, &flags, &out)
	return cmd
}
