package main

import (
	"bufio"
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
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/install"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/usererr"
)

func (a *app) installCommand() *cobra.Command {
	var force, configured, yes, dry bool
	var only []string
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install the git hooks into this repository",
		Long: `Install git hooks that run regreen. A hook that already exists is kept and runs
first; regreen uninstall restores it. If the hooks are in the working tree, as with
husky, regreen adds a call to them instead. It lists what it changes, and asks before
it changes a hook that is not its own. Install again with another --hooks to change
the set.

Git 2.54 and later can also run hooks from its configuration. With --git-config,
regreen uses that and leaves the hooks directory alone. Programs that bundle an
older git do not run these hooks.

` + eventHelp(),
		Example: `  regreen install
  regreen install --dry-run
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
			var plan *install.Plan
			if configured {
				plan, err = a.planConfigured(cmd.Context(), rp, names, program)
			} else {
				plan, err = a.planFiles(cmd.Context(), rp, names, program, force)
			}
			if err != nil {
				return err
			}
			if err := a.carryOut(cmd.Context(), plan, yes, dry); err != nil || dry {
				return err
			}
			if configured {
				names = nil
			}
			recordHooks(rp, names)
			fmt.Fprintln(a.stderr, "to skip once: REGREEN=0 git commit; to remove: regreen uninstall")
			return nil
		},
	}
	fs := cmd.Flags()
	fs.StringSliceVar(&only, "hooks", nil, "install the hooks in `LIST`, or all (default: those marked *)")
	fs.BoolVar(&configured, "git-config", false, "install into git's configuration (git 2.54 and later)")
	renamed(fs, "configured", "git-config")
	fs.BoolVar(&force, "force", false, "install even if other repositories share the hooks directory")
	fs.BoolVarP(&yes, "yes", "y", false, "do not ask before changing hooks of others")
	dryRunFlag(fs, &dry)
	return cmd
}

func dryRunFlag(fs *pflag.FlagSet, dry *bool) {
	fs.BoolVar(dry, "dry-run", false, "only list what would change")
}

// place returns where a repository's hooks are.
func (a *app) place(ctx context.Context, rp *repo.Repo) (install.Place, repo.HooksPath, error) {
	path, err := rp.HooksPath(ctx)
	if err != nil {
		return install.Place{}, path, err
	}
	p := install.Place{Dir: rp.HooksDir(), Root: rp.Root()}
	if p.Tree, err = rp.HooksTree(ctx, p.Dir); err != nil {
		return p, path, err
	}
	if p.Tree == "" {
		p.Shared = !rp.OwnsHooks(p.Dir)
	} else if p.Shared, err = rp.Tracks(ctx, p.Calls()); err != nil {
		return p, path, err
	}
	// In other worktrees git may look there.
	if standard := rp.DefaultHooksDir(); path.Value != "" && path.Scope != "worktree" && standard != p.Dir {
		p.Unused = standard
	}
	return p, path, nil
}

// planFiles installs the hooks in the hooks directory, and removes them from git's configuration.
func (a *app) planFiles(ctx context.Context, rp *repo.Repo, names []githook.Name, program string, force bool) (*install.Plan, error) {
	place, path, err := a.place(ctx, rp)
	if err != nil {
		return nil, err
	}
	if path.Shared() {
		if !force {
			return nil, a.sharedError(ctx, rp, path)
		}
		place.Shared = false // --force is the user's consent
	}
	if info, err := os.Stat(place.Dir); err == nil && !info.IsDir() {
		hint := "make it a directory"
		if path.Value != "" {
			hint = "git runs no hooks here; to change that: git config --unset core.hooksPath"
		}
		return nil, &usererr.UsageError{Where: place.Dir, What: "is where git looks for hooks, and is not a directory", Advice: hint}
	}
	plan := place.Install(names, program)
	if err := a.planUnconfigure(ctx, rp, plan, nil); err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("regreen"); err != nil && place.Calls() != "" {
		plan.Notes = append(plan.Notes, "regreen is not on the PATH: until it is, the hooks do not run it")
	}
	for _, m := range install.Managers(rp.Root()) {
		if m.Calls {
			plan.Doubt(fmt.Sprintf("%s runs regreen already (%s): with hooks of its own, regreen would run twice", m.Name, m.File))
		}
	}
	return plan, nil
}

func (a *app) sharedError(ctx context.Context, rp *repo.Repo, path repo.HooksPath) error {
	hint := "to give this repository its own: git config --local core.hooksPath .git/hooks; to install anyway: --force"
	if able, err := rp.RunsConfiguredHooks(ctx); err == nil && able {
		hint = "to use no hooks directory: regreen install --git-config; to install anyway: --force"
	}
	return &usererr.UsageError{
		What: fmt.Sprintf("core.hooksPath is %s in the %s configuration: its hooks run in every repository", path.Value, path.Scope), Advice: hint,
	}
}

// planConfigured installs the hooks in git's configuration, and removes them from the hooks
// directory.
func (a *app) planConfigured(ctx context.Context, rp *repo.Repo, names []githook.Name, program string) (*install.Plan, error) {
	able, err := rp.RunsConfiguredHooks(ctx)
	if err != nil {
		return nil, err
	}
	if !able {
		version, _ := rp.Version(ctx)
		return nil, &usererr.UsageError{What: fmt.Sprintf("git %s does not run hooks from its configuration; 2.54 and later do", version), Advice: "without --git-config, regreen install uses the hooks directory"}
	}
	place, path, err := a.place(ctx, rp)
	if err != nil {
		return nil, err
	}
	hooks, err := rp.ConfiguredHooks(ctx)
	if err != nil {
		return nil, err
	}
	plan := new(install.Plan)
	for _, name := range names {
		own := repo.ConfiguredHook{Name: install.ConfigName(name), Event: string(name), Command: install.Command(program, name), Scope: "local"}
		if slices.Contains(hooks, own) {
			continue
		}
		plan.Steps = append(plan.Steps, install.Step{
			Text: fmt.Sprintf("set hook.%s in git's configuration", own.Name),
			Do:   func() error { return configError(rp.ConfigureHook(ctx, own.Name, own.Event, own.Command)) },
		})
	}
	if err := a.planUnconfigure(ctx, rp, plan, names); err != nil {
		return nil, err
	}
	if !path.Shared() {
		plan.Append(place.Uninstall())
		return plan, nil
	}
	for _, s := range place.Inspect() { // other repositories use these hooks too
		if s.Kind == install.Ours {
			plan.Notes = append(plan.Notes, fmt.Sprintf("%s stays, because other repositories use it: here the hook runs twice", s.File))
		}
	}
	return plan, nil
}

// planUnconfigure removes regreen's hooks, except those to keep, from the repository's
// configuration.
func (a *app) planUnconfigure(ctx context.Context, rp *repo.Repo, plan *install.Plan, keep []githook.Name) error {
	hooks, err := rp.ConfiguredHooks(ctx)
	if err != nil {
		return err
	}
	for _, h := range hooks {
		event := githook.Name(h.Event)
		if h.Scope != "local" || h.Name != install.ConfigName(event) || slices.Contains(keep, event) {
			continue
		}
		plan.Steps = append(plan.Steps, install.Step{
			Text: fmt.Sprintf("remove hook.%s from git's configuration", h.Name),
			Do:   func() error { return configError(rp.RemoveConfiguredHook(ctx, h.Name)) },
		})
	}
	return nil
}

// configError explains why git cannot change the repository's configuration.
func configError(err error) error {
	if err == nil {
		return nil
	}
	return &usererr.Error{What: "cannot change git's configuration", Err: err, Advice: "make .git/config writable, and end other programs that are changing it"}
}

// carryOut shows a plan, asks the user if it changes anything of others, and runs it.
func (a *app) carryOut(ctx context.Context, plan *install.Plan, yes, dry bool) error {
	a.showPlan(plan)
	switch {
	case dry:
		fmt.Fprintln(a.stderr, "nothing was changed; without --dry-run, regreen install does this")
		return nil
	case len(plan.Steps) == 0:
		fmt.Fprintln(a.stderr, "nothing to change")
	case plan.Asks() && !yes:
		if err := a.ask(ctx); err != nil {
			return err
		}
	}
	return hooksError(plan.Run())
}

func (a *app) showPlan(plan *install.Plan) {
	for _, step := range plan.Steps {
		fmt.Fprintln(a.stderr, step.Text)
	}
	for _, note := range plan.Notes {
		fmt.Fprintln(a.stderr, "note: "+note)
	}
}

// hooksError explains why a hook cannot be written.
func hooksError(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	dir := ""
	switch {
	case errors.As(err, &path):
		dir = filepath.Dir(path.Path)
	case errors.As(err, &link):
		dir = filepath.Dir(link.New)
	default:
		return err
	}
	return &usererr.Error{What: "cannot change the hooks", Err: err, Advice: fmt.Sprintf("make %s writable and install again; until then all hooks run that ran before", dir)}
}

// ask asks the user on a terminal whether to continue, and returns an error if not.
func (a *app) ask(ctx context.Context) error {
	refused := &usererr.UsageError{What: "nothing was changed, because this changes what is not regreen's", Advice: "if you agree: regreen install --yes"}
	if f, ok := a.stdin.(*os.File); !ok || !a.terminal || !term.IsTerminal(int(f.Fd())) {
		return refused
	}
	fmt.Fprint(a.stderr, "Change this? [y/N] ")
	answer := make(chan string, 1)
	go func() { // Ctrl-C does not end a read
		line, _ := bufio.NewReader(a.stdin).ReadString('\n')
		answer <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.stderr)
		return ctx.Err()
	case line := <-answer:
		if word := strings.ToLower(strings.TrimSpace(line)); word == "y" || word == "yes" {
			return nil
		}
		return refused
	}
}

// recordFile has the names of the hooks that install left, so that doctor can report those that
// something else has replaced.
const recordFile = "hooks"

// recordHooks records the installed hooks. Without the record, doctor knows less.
func recordHooks(rp *repo.Repo, names []githook.Name) {
	if len(names) == 0 {
		_ = os.Remove(filepath.Join(rp.StateDir(), recordFile))
		_ = os.Remove(rp.StateDir()) // if nothing else is in it
		return
	}
	if dir, err := rp.EnsureStateDir(); err == nil {
		_ = os.WriteFile(filepath.Join(dir, recordFile), []byte(strings.Join(githook.Strings(names), "\n")+"\n"), 0o644)
	}
}

// recordedHooks returns the hooks that install left.
func recordedHooks(rp *repo.Repo) []string {
	text, _ := os.ReadFile(filepath.Join(rp.StateDir(), recordFile))
	return strings.Fields(string(text))
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
