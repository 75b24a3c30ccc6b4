package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/install"
	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/session"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/usererr"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check the installation, and explain why a hook would not run",
		Long: `Check everything that a hook needs: git, the toolchain, the configuration, the
hooks, and the state directory. For each problem, doctor prints how to fix it; the
exit status is then 1.`,
		Example: "  regreen doctor",
		Args:    atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &doctor{app: a}
			d.examine(cmd.Context())
			if d.problems > 0 {
				return session.ReportedError{Status: session.ExitRed}
			}
			return nil
		},
	}
}

// doctor prints its findings, and counts the problems.
type doctor struct {
	*app
	problems int
}

func (d *doctor) good(what, format string, args ...any) { d.line("ok", what, format, args...) }

func (d *doctor) note(what, format string, args ...any) { d.line("--", what, format, args...) }

// bad prints a problem, and how to fix it.
func (d *doctor) bad(what, hint, format string, args ...any) {
	d.problems++
	d.line("!!", what, format, args...)
	if hint != "" {
		fmt.Fprintf(d.stdout, "      %-16s hint: %s\n", "", hint)
	}
}

func (d *doctor) line(mark, what, format string, args ...any) {
	fmt.Fprintf(d.stdout, "  %s  %-16s %s\n", mark, what, fmt.Sprintf(format, args...))
}

func (d *doctor) examine(ctx context.Context) {
	program, err := os.Executable()
	if err != nil {
		program = "regreen"
	}
	d.good("regreen", "%s, %s", versionText(), program)
	if _, err := os.Stat(program + "-gate"); err == nil {
		d.good("gate", "%s-gate, fast path for commits with nothing to test", program)
	} else {
		d.note("gate", "%s-gate not found; commits with nothing to test take a few milliseconds longer", program)
	}
	rp, err := repo.Open(ctx, d.dir, d.environ)
	if err != nil {
		d.bad("repository", usererr.Hint(err), "%v", err)
		return
	}
	if version, err := rp.Version(ctx); err == nil {
		d.good("git", "%s", version)
	}
	d.good("repository", "%s", rp.Root())
	d.goCommand(ctx, rp.Root())
	d.configuration(ctx, rp)
	d.hooks(ctx, rp, program)
	d.state(ctx, rp)
	d.store(ctx)
}

// goCommand looks for the go command, which a repository without Go tests does not need.
func (d *doctor) goCommand(ctx context.Context, root string) {
	if _, err := exec.LookPath("go"); err != nil {
		command := ""
		if cfg, err := config.Load(root, d.getenv); err == nil && len(cfg.Results) == 0 {
			command = cfg.Test
		}
		var notRun *testrun.NotRunError
		if _, err := gotest.Find(root, command); err == nil || errors.As(err, &notRun) && notRun.NoTests {
			d.note("go", "not on the PATH; nothing here needs it")
			return
		}
	}
	d.program(ctx, "go", "install Go, or name the test command: test: in .regreen.yml", "version")
}

// program prints the path and version of a program.
func (d *doctor) program(ctx context.Context, name, hint string, version ...string) {
	path, err := exec.LookPath(name)
	if err != nil {
		d.bad(name, hint, "not on the PATH")
		return
	}
	cmd := exec.CommandContext(ctx, path, version...)
	cmd.Env = d.environ
	out, err := cmd.Output()
	if err != nil {
		d.bad(name, hint, "cannot run %s: %v", path, err)
		return
	}
	text, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	d.good(name, "%s, %s", text, path)
}

func (d *doctor) configuration(ctx context.Context, rp *repo.Repo) {
	cfg, err := config.Load(rp.Root(), d.getenv)
	if err != nil {
		d.bad("configuration", usererr.Hint(err), "%v", err)
		return
	}
	var files []string
	for _, name := range []string{config.File, config.ConfigFile, config.LocalFile} {
		if _, err := os.Stat(filepath.Join(rp.Root(), name)); err == nil {
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		files = []string{"no file; using the defaults"}
	}
	d.good("configuration", "%s", strings.Join(files, ", "))
	for _, fault := range config.Stray(rp.Root()) {
		d.bad("configuration", "rename or remove it", "%s", fault)
	}
	if cfg.Base != "" {
		if _, err := rp.Resolve(ctx, cfg.Base); err != nil {
			d.bad("base", usererr.Hint(err), "%v (from base: in the configuration)", err)
		}
	}
	for _, name := range githook.Names() {
		if off, why := config.Off(d.getenv, name); off {
			d.note(string(name), "switched off by %s", why)
		} else if how := cfg.Hooks[name]; how == githook.Off || how == githook.Warn {
			d.note(string(name), "set to %s in the configuration", how)
		}
	}
	if operation := rp.Underway(); operation != "" {
		d.note("underway", "a %s is in progress; hooks do nothing until it ends", operation)
	}
}

// hooks reports the hook of each event: whether regreen runs, and what else does.
func (d *doctor) hooks(ctx context.Context, rp *repo.Repo, program string) {
	place, path, err := d.place(ctx, rp)
	if err != nil {
		d.bad("hooks path", usererr.Hint(err), "%v", err)
		return
	}
	if path.Value == "" {
		d.good("hooks path", "%s", rp.HooksDir())
	} else {
		d.good("hooks path", "%s, set by core.hooksPath in the %s configuration", rp.HooksDir(), path.Scope)
	}
	hint := "run regreen install"
	if path.Shared() {
		d.note("hooks path", "shared with other repositories")
		hint = usererr.Hint(d.sharedError(ctx, rp, path))
	}
	states := place.Inspect()
	configured := d.configuredHooks(ctx, rp, states, program)
	found := len(configured)
	recorded := recordedHooks(rp)
	for _, s := range states {
		if slices.Contains(configured, string(s.Name)) && s.Kind != install.Ours {
			continue
		}
		fault := s.Check()
		if fault == "" && !s.Runs() && slices.Contains(recorded, string(s.Name)) {
			fault = s.Gone()
		}
		switch {
		case fault != "":
			found++
			d.bad(string(s.Name), hint, "the hook %s", fault)
		case s.Runs():
			found++
			d.good(string(s.Name), "%s", d.how(place, s, program))
		case s.Kind == install.Foreign:
			d.note(string(s.Name), "another program's hook; regreen install keeps it")
		}
		if place.HuskySkips(s) {
			d.bad(string(s.Name), "regreen uninstall; npm rebuild husky; regreen install", "husky 4 found regreen's hook here, so it did not install its own")
		}
	}
	if _, err := exec.LookPath("regreen"); err != nil && slices.ContainsFunc(states, func(s install.State) bool { return s.Call }) {
		d.bad("hooks", "put regreen on the PATH", "the hooks call regreen, which is not on the PATH")
	}
	if found == 0 {
		d.note("hooks", "not installed; run regreen install")
	}
	for _, m := range install.Managers(rp.Root()) {
		if m.Calls {
			d.note(m.Name, "runs regreen (%s)", m.File)
		} else {
			d.note(m.Name, "also manages hooks here (%s)", m.File)
		}
	}
}

// how describes how regreen runs for an event.
func (d *doctor) how(place install.Place, s install.State, program string) string {
	switch {
	case s.Call:
		return "installed, called by " + place.Short(s.File)
	case s.Kind != install.Ours:
		return fmt.Sprintf("installed, runs before %s, which runs %s", s.Maker, place.Short(s.Aside))
	}
	text := "installed"
	if s.Program != program {
		text += ", runs " + s.Program
	}
	if s.Kept != "" {
		whose := "the previous hook"
		if s.KeptMaker != "" {
			whose = s.KeptMaker
		}
		text += fmt.Sprintf(", runs %s first: %s", whose, place.Short(s.Kept))
	}
	return text
}

// configuredHooks reports the hooks in git's configuration, and returns the events of those that
// are regreen's.
func (d *doctor) configuredHooks(ctx context.Context, rp *repo.Repo, states []install.State, program string) (ours []string) {
	hooks, err := rp.ConfiguredHooks(ctx)
	if err != nil {
		d.bad("git config", usererr.Hint(err), "%v", err)
		return nil
	}
	able, err := rp.RunsConfiguredHooks(ctx)
	for _, h := range hooks {
		where := fmt.Sprintf("hook.%s in the %s configuration", h.Name, h.Scope)
		switch {
		case err == nil && !able:
			d.bad(h.Event, "install git 2.54 or later, or run regreen install", "this git does not run %s", where)
		case h.Name != install.ConfigName(githook.Name(h.Event)):
			d.note(h.Event, "%s also runs: %s", where, h.Command)
			continue
		case h.Command != install.Command(program, githook.Name(h.Event)):
			d.note(h.Event, "installed as %s, runs %s", where, h.Command)
		default:
			d.good(h.Event, "installed as %s", where)
		}
		ours = append(ours, h.Event)
		if slices.ContainsFunc(states, func(s install.State) bool { return string(s.Name) == h.Event && s.Runs() }) {
			d.bad(h.Event, "run regreen install, or regreen install --git-config, to keep one", "runs twice: from the hooks directory and from git's configuration")
		}
	}
	return ours
}

// state checks that regreen can write its state and its workspace.
func (d *doctor) state(ctx context.Context, rp *repo.Repo) {
	dir, err := rp.EnsureStateDir()
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(dir, "doctor-"); err == nil {
			err = errors.Join(probe.Close(), os.Remove(probe.Name()))
		}
	}
	if err != nil {
		d.bad("state", "make it writable; without it regreen learns nothing and stores no runs", "%v", err)
	} else {
		d.good("state", "%s", dir)
	}
	w, err := rp.Workspace(ctx)
	if err != nil {
		d.bad("workspace", "set TMPDIR to a directory with free space", "%v", err)
		return
	}
	d.good("workspace", "%s", w.Dir)
	if err := w.Close(); err != nil {
		d.bad("workspace", usererr.Hint(err), "%v", err)
	}
}

// store reports where outcomes are kept, and whether a shared store can be used.
func (d *doctor) store(ctx context.Context) {
	s, err := d.open(ctx, "", nil, session.Flags{})
	if err != nil {
		var usage *usererr.UsageError
		if errors.As(err, &usage) {
			d.bad("store", usererr.Hint(err), "%s", printable(err.Error()))
		}
		return // other errors were reported above
	}
	defer func() { _ = s.Close() }()
	text, err := s.StoreText(ctx)
	if shared, ok := s.Store.(*learn.Shared); ok && err == nil {
		err = shared.Ping(ctx)
	} else if _, damaged := s.Store.Posteriors(ctx, learn.Context{}); damaged != nil {
		d.bad("store", usererr.Hint(damaged), "%s", printable(damaged.Error()))
		return
	}
	switch {
	case err != nil:
		d.bad("store", usererr.Hint(err), "%s: %s", printable(text), printable(err.Error()))
	case s.StoreWhy != "":
		d.note("store", "%s", printable(text))
	default:
		d.good("store", "%s", printable(text))
	}
}
