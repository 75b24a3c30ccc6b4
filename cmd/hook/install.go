package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/session"
)

func (a *app) installCommand() *cobra.Command {
	var force bool
	var only []string
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install the git hooks into this repository",
		Long:  "Install writes the hooks. A hook that is there already is kept, runs first, and comes\nback with regreen uninstall. Doing it again is how to change which hooks there are.\n\n" + eventHelp(),
		Example: `  regreen install
  regreen install --hooks pre-commit,pre-push`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			names, err := eventNames(only)
			if err != nil {
				return err
			}
			rp, err := repo.Open(cmd.Context(), a.dir, a.environ)
			if err != nil {
				return err
			}
			path, err := rp.HooksPath(cmd.Context())
			if err != nil {
				return err
			}
			if path.Shared() && !force {
				return &session.UsageError{
					Msg:  fmt.Sprintf("core.hooksPath is %s by the %s configuration: hooks there run in every repository", path.Value, path.Scope),
					Hint: "git config --local core.hooksPath .git/hooks gives this repository its own; --force installs all the same",
				}
			}
			program, err := os.Executable()
			if err != nil {
				return err
			}
			installed, err := githook.Install(rp.HooksDir(), names, program)
			var legacy *githook.LegacyError
			switch {
			case errors.As(err, &legacy):
				return &session.UsageError{Msg: legacy.Error(), Hint: "move it elsewhere and install again"}
			case err != nil:
				return err
			}
			for _, name := range installed {
				fmt.Fprintln(a.stderr, "installed", filepath.Join(rp.HooksDir(), name))
			}
			fmt.Fprintln(a.stderr, "to skip it once: REGREEN=0 git commit; to remove it: regreen uninstall")
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "install into a hooks folder that other repositories share")
	cmd.Flags().StringSliceVar(&only, "hooks", nil, "these hooks, as a `LIST` of names; all for every one")
	return cmd
}

func eventHelp() string {
	var b strings.Builder
	b.WriteString("The hooks, * for those that are installed when nothing else is said:\n")
	for _, e := range githook.Events() {
		mark := " "
		if e.Default {
			mark = "*"
		}
		fmt.Fprintf(&b, "\n  %s %-17s %s", mark, e.Name, e.Doc)
	}
	return b.String()
}

// eventNames checks a list of hooks; without one those by default are meant.
func eventNames(list []string) ([]string, error) {
	var out []string
	for _, name := range list {
		if !slices.Contains(githook.Names(), name) && name != "all" {
			return nil, &session.UsageError{Msg: fmt.Sprintf("there is no hook %q", name), Hint: "known are " + strings.Join(githook.Names(), ", ")}
		}
	}
	for _, e := range githook.Events() { // in git's order
		if len(list) == 0 && e.Default || slices.Contains(list, e.Name) || slices.Contains(list, "all") {
			out = append(out, e.Name)
		}
	}
	return out, nil
}

func (a *app) uninstallCommand() *cobra.Command {
	return &cobra.Command{
		Use: "uninstall", Short: "Remove the git hooks and bring back what was there", Example: "  regreen uninstall", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rp, err := repo.Open(cmd.Context(), a.dir, a.environ)
			if err != nil {
				return err
			}
			removed, restored, err := githook.Uninstall(rp.HooksDir())
			for _, file := range restored {
				fmt.Fprintln(a.stderr, "restored", file)
			}
			for _, file := range removed {
				fmt.Fprintln(a.stderr, "removed", file)
			}
			if err == nil && len(removed)+len(restored) == 0 {
				fmt.Fprintln(a.stderr, "no hook of regreen's is installed here")
			}
			return err
		},
	}
}
