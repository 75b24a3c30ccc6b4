package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/session"
)

// commands is the command tree.
func (a *app) commands() *cobra.Command {
	root := &cobra.Command{
		Use:   "regreen",
		Short: "Turn red tests green again",
		Long: `regreen finds what fails, finds a change that makes it pass, proves it, and
proposes or applies it. Installed as git hooks it does so when you commit or merge.

Exit status: 0 green or fixed, 1 red, 2 bad usage or configuration, 3 the tests
could not be run, 130 interrupted.`,
		Example: `  regreen fix                     look for a patch for the working tree
  regreen install                 do so at every commit and merge
  regreen apply k3f9a2x-1         apply a patch that was proposed`,
		SilenceErrors: true, SilenceUsage: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := "regreen --help lists the commands"
			if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
				hint = "did you mean " + strings.Join(meant, " or ") + "?"
			}
			return &session.UsageError{Msg: fmt.Sprintf("there is no command %q", args[0]), Hint: hint}
		},
		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = false
	root.PersistentFlags().StringVar(&a.dir, "repo", ".", "`DIR` of the repository, or a folder in it")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "log what is being done")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		hint := cmd.CommandPath() + " --help lists the flags"
		var unknown *pflag.NotExistError
		if errors.As(err, &unknown) {
			if meant := config.Nearest(unknown.GetSpecifiedName(), flagNames(cmd.Flags())); meant != "" {
				hint = "did you mean --" + meant + "? " + hint
			}
		}
		return &session.UsageError{Msg: err.Error(), Hint: hint}
	})
	root.AddCommand(a.fixCommand(), a.testCommand(), a.applyCommand(), a.rollbackCommand(), a.reportCommand(), a.replayCommand(),
		a.installCommand(), a.uninstallCommand(), a.statusCommand(), a.doctorCommand(), a.hookCommand(), a.backgroundCommand(), a.detectCommand(), a.strategiesCommand(), a.versionCommand())
	return root
}

func flagNames(flags *pflag.FlagSet) []string {
	var names []string
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}
