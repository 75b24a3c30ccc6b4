package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/usererr"
)

func (a *app) uninstallCommand() *cobra.Command {
	var state, dry bool
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove the git hooks and restore what they replaced",
		Long: `Remove regreen's hooks from the hooks directory and from git's configuration, and
restore the hooks that existed before. Runs, patches and outcomes stay unless
--state is given.`,
		Example: `  regreen uninstall
  regreen uninstall --dry-run
  regreen uninstall --state`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			rp, err := repo.Open(cmd.Context(), a.dir, a.environ)
			if err != nil {
				return err
			}
			place, _, err := a.place(cmd.Context(), rp)
			if err != nil {
				return err
			}
			plan := place.Uninstall()
			if err := a.planUnconfigure(cmd.Context(), rp, plan, nil); err != nil {
				return err
			}
			a.showPlan(plan)
			if len(plan.Steps) == 0 {
				fmt.Fprintln(a.stderr, "no regreen hooks are installed here")
			}
			if dry {
				if state {
					for _, dir := range stateDirs(rp) {
						fmt.Fprintln(a.stderr, "delete", dir)
					}
				}
				fmt.Fprintln(a.stderr, "nothing was changed; without --dry-run, regreen uninstall does this")
				return nil
			}
			if err := plan.Run(); err != nil {
				return hooksError(err)
			}
			recordHooks(rp, nil)
			if state {
				return a.removeState(cmd.Context(), rp)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&state, "state", false, "also delete stored runs, patches and outcomes; this cannot be undone")
	dryRunFlag(cmd.Flags(), &dry)
	return cmd
}

// removeState removes everything that regreen stores for a repository.
func (a *app) removeState(ctx context.Context, rp *repo.Repo) error {
	if err := rp.Recover(ctx); err != nil { // the state has the files that an interrupted write saved
		return err
	}
	journals, err := filepath.Glob(filepath.Join(rp.StateDir(), "write*", "journal.json"))
	if err != nil {
		return err
	}
	if len(journals) > 0 {
		return &usererr.UsageError{What: "unfinished write to another worktree: " + filepath.Dir(journals[0]), Advice: "run regreen fix in that worktree to finish it"}
	}
	for _, dir := range stateDirs(rp) {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		fmt.Fprintln(a.stderr, "removed", dir)
	}
	rp.Forget()
	return nil
}

// stateDirs returns the directories of regreen's state that exist.
func stateDirs(rp *repo.Repo) []string {
	return slices.DeleteFunc(slices.Compact([]string{rp.StateDir(), filepath.Join(rp.GitDir(), "regreen")}), func(dir string) bool {
		_, err := os.Lstat(dir)
		return err != nil
	})
}
