package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// commands returns the command tree.
func (a *app) commands() *cobra.Command {
	cobra.EnableCommandSorting = false // the help lists commands in the order below
	root := &cobra.Command{
		Use:   "regreen",
		Short: "Repair failing tests",
		Long: `regreen repairs failing tests: it finds a change that makes them pass, proves it,
and shows you the patch or applies it. To begin, run "regreen fix" in a repository
with failing tests. To do the same on every commit, run "regreen install".`,
		Example: `  regreen fix                  search for a patch for the working tree
  regreen install              do so on every commit, merge and push
  regreen apply k3f9a2x-1      apply a patch that was proposed
  regreen rollback k3f9a2x-1   undo it`,
		SilenceErrors: true, SilenceUsage: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := "regreen --help lists the commands"
			if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
				hint = "did you mean " + strings.Join(meant, " or ") + "?"
			}
			return &usererr.UsageError{What: fmt.Sprintf("unknown command %q", args[0]), Advice: hint}
		},
		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().BoolP("help", "h", false, "show this help")
	root.PersistentFlags().StringVar(&a.dir, "repo", ".", "use the repository at or above `DIR`")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "log each step")
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { a.help(cmd, cmd.OutOrStdout()) })
	root.SetUsageFunc(func(cmd *cobra.Command) error { a.help(cmd, cmd.OutOrStderr()); return nil })
	root.SetFlagErrorFunc(flagError)
	for _, g := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"repair", "Repair:", []*cobra.Command{a.fixCommand(), a.testCommand(), a.applyCommand(), a.rollbackCommand()}},
		{"hooks", "Hooks:", []*cobra.Command{a.installCommand(), a.uninstallCommand(), a.statusCommand(), a.doctorCommand()}},
		{"reports", "Reports:", []*cobra.Command{a.reportCommand(), a.replayCommand(), a.detectCommand(), a.strategiesCommand()}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
			root.AddCommand(c)
		}
	}
	root.SetHelpCommand(a.helpCommand())
	root.AddCommand(a.hookCommand(), a.backgroundCommand(), a.versionCommand())
	return root
}

// flagError returns a usage error for a flag that is unknown or has an invalid value.
func flagError(cmd *cobra.Command, err error) error {
	usage := &usererr.UsageError{Err: err, Advice: cmd.CommandPath() + " --help lists the flags"}
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedName() == "version":
		usage.Advice = "regreen version prints the version"
	case errors.As(err, &unknown):
		if meant := config.Nearest(unknown.GetSpecifiedName(), flagNames(cmd.Flags())); meant != "" {
			usage.Advice = "did you mean --" + meant + "? " + usage.Advice
		}
	case errors.As(err, &invalid) && invalid.Unwrap() != nil:
		usage.What, usage.Err = fmt.Sprintf("--%s %q", invalid.GetFlag().Name, invalid.GetValue()), invalid.Unwrap()
	}
	return usage
}

// atMost accepts up to n arguments.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return &usererr.UsageError{What: fmt.Sprintf("unexpected argument %q", args[n]), Advice: "usage: " + cmd.UseLine()}
		}
		return nil
	}
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
