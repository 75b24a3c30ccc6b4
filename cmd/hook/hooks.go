package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/hooks"
	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/session"
)

// The events a hook can be configured to; see config.Config.Hooks.
const (
	hookBlock = "block"
	hookWarn  = "warn"
	hookOff   = "off"
)

func (a *app) installCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install the git hooks into this repository",
		Long: `Install writes the pre-commit and post-merge hooks. A hook that is there already is
kept, runs first, and comes back with regreen uninstall.`,
		Example: "  regreen install",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rp, err := repo.Open(cmd.Context(), a.dir, a.environ)
			if err != nil {
				return err
			}
			if err := a.mayInstall(cmd.Context(), rp, force); err != nil {
				return err
			}
			program, err := os.Executable()
			if err != nil {
				return err
			}
			for _, name := range hooks.Names {
				if err := install(rp.HooksDir(), name, program); err != nil {
					return err
				}
				fmt.Fprintln(a.stderr, "installed", filepath.Join(rp.HooksDir(), name))
			}
			fmt.Fprintln(a.stderr, "to skip it once: REGREEN=0 git commit; to remove it: regreen uninstall")
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "install into a hooks folder that other repositories share")
	return cmd
}

// mayInstall refuses a hooks folder that the user's or the system's configuration
// names: hooks put there would run in every repository.
func (a *app) mayInstall(ctx context.Context, rp *repo.Repo, force bool) error {
	if force {
		return nil
	}
	for _, scope := range []string{"--global", "--system"} {
		cmd := exec.CommandContext(ctx, "git", "config", scope, "--get", "core.hooksPath")
		cmd.Dir, cmd.Env = rp.Root(), a.environ
		value, err := cmd.Output()
		shared := strings.TrimSpace(string(value))
		if err != nil || shared == "" {
			continue
		}
		local := exec.CommandContext(ctx, "git", "config", "--local", "--get", "core.hooksPath")
		local.Dir, local.Env = rp.Root(), a.environ
		if err := local.Run(); err == nil {
			return nil // the repository's own value counts
		}
		return &session.UsageError{
			Msg:  fmt.Sprintf("core.hooksPath is %s by the %s configuration: hooks there run in every repository", shared, strings.TrimPrefix(scope, "--")),
			Hint: "git config --local core.hooksPath .git/hooks gives this repository its own; --force installs all the same",
		}
	}
	return nil
}

// install puts a shim in place; what was there becomes NAME.legacy.
func install(dir, name, program string) error {
	shim, err := hooks.Shim(name, program)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	target := filepath.Join(dir, name)
	old, err := os.ReadFile(target)
	switch {
	case err == nil && bytes.Contains(old, []byte(hooks.Marker)):
	case err == nil:
		if _, err := os.Lstat(target + ".legacy"); err == nil {
			return &session.UsageError{Msg: target + ".legacy is in the way", Hint: "move it elsewhere and install again"}
		}
		if err := os.Rename(target, target+".legacy"); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	temporary := target + ".regreen-new"
	if err := os.WriteFile(temporary, shim, 0o755); err != nil {
		return err
	}
	if err := os.Rename(temporary, target); err != nil {
		_ = os.Remove(temporary)
		return err
	}
	return nil
}

func (a *app) uninstallCommand() *cobra.Command {
	return &cobra.Command{
		Use: "uninstall", Short: "Remove the git hooks and bring back what was there", Example: "  regreen uninstall", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rp, err := repo.Open(cmd.Context(), a.dir, a.environ)
			if err != nil {
				return err
			}
			removed := 0
			for _, name := range hooks.Names {
				target := filepath.Join(rp.HooksDir(), name)
				if !isShim(target) {
					continue
				}
				removed++
				if _, err := os.Lstat(target + ".legacy"); err == nil {
					err = os.Rename(target+".legacy", target)
					if err != nil {
						return err
					}
					fmt.Fprintln(a.stderr, "restored", target)
					continue
				}
				if err := os.Remove(target); err != nil {
					return err
				}
				fmt.Fprintln(a.stderr, "removed", target)
			}
			if removed == 0 {
				fmt.Fprintln(a.stderr, "no hook of regreen's is installed here")
			}
			return nil
		},
	}
}

func isShim(path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && bytes.Contains(text, []byte(hooks.Marker))
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show the hooks that are installed and the latest runs", Example: "  regreen status", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rp, err := repo.Open(cmd.Context(), a.dir, a.environ)
			if err != nil {
				return err
			}
			off, why := config.Off(a.getenv, "")
			if off {
				fmt.Fprintln(a.stdout, "switched off:", why)
			}
			for _, name := range hooks.Names {
				state := "not installed"
				if isShim(filepath.Join(rp.HooksDir(), name)) {
					state = "installed"
				}
				fmt.Fprintf(a.stdout, "%-12s %s\n", name, state)
			}
			fmt.Fprintf(a.stdout, "%-12s %s\n", "state", rp.StateDir())
			runs, err := repair.Runs(rp.StateDir(), 10)
			if err != nil {
				return err
			}
			for _, r := range runs {
				fmt.Fprintf(a.stdout, "%s  %s  %s\n", r.ID, r.Started.Local().Format("2006-01-02 15:04"), report.Summary(r))
			}
			return nil
		},
	}
}

func (a *app) hookCommand() *cobra.Command {
	return &cobra.Command{
		Use: "hook NAME [ARG...]", Short: "Run as a git hook (git calls this)", Example: "  regreen hook pre-commit",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || !slices.Contains(hooks.Names, args[0]) {
				return &session.UsageError{Msg: "hook needs the name of a hook: " + strings.Join(hooks.Names, ", ")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.hook(cmd.Context(), args[0], args[1:]) },
	}
}

// hook is what git runs. pre-commit tests the index and blocks on new failures;
// post-merge tests HEAD and only tells.
func (a *app) hook(ctx context.Context, name string, args []string) error {
	if off, _ := config.Off(a.getenv, name); off {
		return nil
	}
	s, err := a.open(ctx, name, args, session.Flags{})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	how := s.Config.Hooks[name]
	// In the midst of a rebase or the like, a hook that takes its time, or blocks,
	// does more harm than good.
	if how == hookOff || s.Environment.Underway != "" {
		return nil
	}
	source := repo.Index("")
	if name == "post-merge" {
		if len(args) > 0 && args[0] == "1" {
			return nil // a squash: HEAD is what it was, the commit is still to come
		}
		source = repo.Commit("HEAD")
	}
	rep, err := a.repair(ctx, s, source, true)
	if err != nil {
		return err
	}
	if rep.Verdict == report.Green {
		fmt.Fprintln(a.stderr, "regreen: "+report.Summary(rep))
		return nil
	}
	if err := a.show(rep); err != nil {
		return err
	}
	if name == "post-merge" || how == hookWarn || rep.Verdict == report.NotRun {
		return nil // what did not run is no reason to hold a commit up
	}
	return status(rep)
}
