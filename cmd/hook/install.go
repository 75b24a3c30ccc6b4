package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/usererr"
)

func (a *app) installCommand() *cobra.Command {
	var force, configured bool
	var only []string
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install the git hooks into this repository",
		Long: `Install git hooks that run regreen. A hook that already exists is kept and runs
first; regreen uninstall restores it. Install again with another --hooks to change
the set.

Git 2.54 and later can also run hooks from its configuration. With --git-config,
regreen uses that and leaves the hooks directory alone. Programs that bundle an
older git do not run these hooks.

` + eventHelp(),
		Example: `  regreen install
  regreen install --hooks pre-commit,pre-push
  regreen install --git-config`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			names, err := eventNames(only)
			if err != nil {
				return err
			}
			rp, err := repo.Open(cmd.Context(), a.dir, a.environ)
			if err != nil {
				return err
			}
			program, err := os.Executable()
			if err != nil {
				return err
			}
			if configured {
				err = a.installConfigured(cmd.Context(), rp, names, program)
			} else {
				err = a.installFiles(cmd.Context(), rp, names, program, force)
			}
			if err == nil {
				fmt.Fprintln(a.stderr, "to skip once: REGREEN=0 git commit; to remove: regreen uninstall")
			}
			return err
		},
	}
	fs := cmd.Flags()
	fs.StringSliceVar(&only, "hooks", nil, "install the hooks in `LIST`, or all (default: those marked *)")
	fs.BoolVar(&configured, "git-config", false, "install into git's configuration (git 2.54 and later)")
	renamed(fs, "configured", "git-config")
	fs.BoolVar(&force, "force", false, "install even if other repositories share the hooks directory")
	return cmd
}

// installFiles installs the hooks in the hooks directory, and removes them from git's
// configuration.
func (a *app) installFiles(ctx context.Context, rp *repo.Repo, names []githook.Name, program string, force bool) error {
	path, err := rp.HooksPath(ctx)
	if err != nil {
		return err
	}
	if path.Shared() && !force {
		hint := "to give this repository its own: git config --local core.hooksPath .git/hooks; to install anyway: --force"
		if able, err := rp.RunsConfiguredHooks(ctx); err == nil && able {
			hint = "to use no hooks directory: regreen install --git-config; to install anyway: --force"
		}
		return &usererr.UsageError{
			What: fmt.Sprintf("core.hooksPath is %s in the %s configuration: its hooks run in every repository", path.Value, path.Scope), Advice: hint,
		}
	}
	installed, err := githook.Install(rp.HooksDir(), names, program)
	var legacy *githook.LegacyError
	switch {
	case errors.As(err, &legacy):
		return &usererr.UsageError{What: legacy.Error(), Advice: "move it elsewhere and install again"}
	case err != nil:
		return err
	}
	if _, err := unconfigure(ctx, rp, nil); err != nil {
		return err
	}
	for _, name := range installed {
		fmt.Fprintln(a.stderr, "installed", filepath.Join(rp.HooksDir(), string(name)))
	}
	return nil
}

// installConfigured installs the hooks in git's configuration, and removes them from the
// hooks directory.
func (a *app) installConfigured(ctx context.Context, rp *repo.Repo, names []githook.Name, program string) error {
	able, err := rp.RunsConfiguredHooks(ctx)
	if err != nil {
		return err
	}
	if !able {
		version, _ := rp.Version(ctx)
		return &usererr.UsageError{What: fmt.Sprintf("git %s does not run hooks from its configuration; 2.54 and later do", version), Advice: "without --git-config, regreen install uses the hooks directory"}
	}
	path, err := rp.HooksPath(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := rp.ConfigureHook(ctx, githook.ConfigName(name), string(name), githook.Command(program, name)); err != nil {
			return err
		}
	}
	if _, err := unconfigure(ctx, rp, names); err != nil {
		return err
	}
	if path.Shared() { // other repositories use these hooks too
		for _, s := range githook.Inspect(rp.HooksDir()) {
			if s.Kind == githook.Ours {
				fmt.Fprintf(a.stderr, "kept %s, which other repositories share: here the hook runs twice\n", filepath.Join(rp.HooksDir(), string(s.Name)))
			}
		}
	} else {
		removed, restored, err := githook.Uninstall(rp.HooksDir())
		for _, file := range restored {
			fmt.Fprintln(a.stderr, "restored", file)
		}
		for _, file := range removed {
			fmt.Fprintln(a.stderr, "removed", file)
		}
		if err != nil {
			return err
		}
	}
	for _, name := range names {
		fmt.Fprintf(a.stderr, "installed hook.%s in git's configuration\n", githook.ConfigName(name))
	}
	return nil
}

// unconfigure removes regreen's hooks, except those to keep, from the repository's configuration.
func unconfigure(ctx context.Context, rp *repo.Repo, keep []githook.Name) (removed []string, err error) {
	hooks, err := rp.ConfiguredHooks(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range hooks {
		event := githook.Name(h.Event)
		if h.Scope != "local" || h.Name != githook.ConfigName(event) || slices.Contains(keep, event) {
			continue
		}
		if err := rp.RemoveConfiguredHook(ctx, h.Name); err != nil {
			return removed, err
		}
		removed = append(removed, "hook."+h.Name)
	}
	return removed, nil
}

func eventHelp() string {
	var b strings.Builder
	b.WriteString("Hooks (* are installed by default):\n")
	for _, e := range githook.Events() {
		mark := " "
		if e.Default {
			mark = "*"
		}
		fmt.Fprintf(&b, "\n  %s %-17s %s", mark, e.Name, e.Doc)
	}
	return b.String()
}

// eventNames returns the hooks of a list, in git's order, or the default hooks if it is empty.
func eventNames(list []string) ([]githook.Name, error) {
	var out []githook.Name
	for _, name := range list {
		if _, ok := githook.Find(name); !ok && name != "all" {
			return nil, unknownHook(name)
		}
	}
	for _, e := range githook.Events() {
		if len(list) == 0 && e.Default || slices.Contains(list, string(e.Name)) || slices.Contains(list, "all") {
			out = append(out, e.Name)
		}
	}
	return out, nil
}
