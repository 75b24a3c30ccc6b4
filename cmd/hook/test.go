package main

import (
	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/session"
)

func (a *app) testCommand() *cobra.Command {
	var flags session.Flags
	var out outputs
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Run the tests in isolation; separate new failures from known and flaky",
		Long: `Run the tests on a copy of the working tree, and compare the failures with those
of the base revision. A failure is new, known (the base has it too) or flaky (the
test passes when it runs again). The exit status is 1 only for new failures.`,
		Example: `  regreen test
  regreen test --base main --json -
  regreen test --test "pytest -x" --report junit=results.xml`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.fix(cmd.Context(), flags, out, false)
		},
	}
	testFlags(cmd.Flags(), &flags)
	outputFlags(cmd.Flags(), &out)
	return cmd
}
