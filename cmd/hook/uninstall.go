package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/usererr"
)

func (a *app) uninstallCommand() *cobra.Command {
	var state bool
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove the git hooks and restore what they replaced",
		Long: `Remove regreen's hooks from the hooks directory and from git's configuration, and
restore the hooks that existed before. Runs, patches and outcomes stay unless
--state is given.`,
		Example: `  regreen uninstall
  regreen uninstall --state`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			rp, err := repo.Open(cmd.Context(), a.dir, a.environ)
			if err != nil {
				return err
			}
			removed, restored, err := githook.Uninstall(rp.HooksDir())
			if err == nil {
				var configured []string
				configured, err = unconfigure(cmd.Context(), rp, nil)
				removed = append(removed, configured...)
			}
			for _, file := range restored {
				fmt.Fprintln(a.stderr, "restored", file)
			}
			for _, file := range removed {
				fmt.Fprintln(a.stderr, "removed", file)
			}
			if err == nil && len(removed)+len(restored) == 0 {
				fmt.Fprintln(a.stderr, "no regreen hooks are installed here")
			}
			if err == nil && state {
				err = a.removeState(cmd.Context(), rp)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&state, "state", false, "also delete stored runs, patches and outcomes; this cannot be undone")
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
	for _, dir := range []string{rp.StateDir(), filepath.Join(rp.GitDir(), "regreen")} {
		if _, err := os.Lstat(dir); err != nil {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		fmt.Fprintln(a.stderr, "removed", dir)
	}
	rp.Forget()
	return nil
}
