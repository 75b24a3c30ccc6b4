package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/githook"
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
	d.configuration(rp)
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

func (d *doctor) configuration(rp *repo.Repo) {
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

// managers are the configuration files of tools that manage hooks.
var managers = []struct{ file, name string }{
	{"lefthook.yml", "lefthook"}, {".lefthook.yml", "lefthook"}, {".pre-commit-config.yaml", "pre-commit"}, {".husky", "husky"}, {".overcommit.yml", "overcommit"}, {"hk.pkl", "hk"},
}

func (d *doctor) hooks(ctx context.Context, rp *repo.Repo, program string) {
	path, err := rp.HooksPath(ctx)
	switch {
	case err != nil:
		d.bad("hooks path", usererr.Hint(err), "%v", err)
	case path.Value == "":
		d.good("hooks path", "%s", rp.HooksDir())
	default:
		d.good("hooks path", "%s, set by core.hooksPath in the %s configuration", rp.HooksDir(), path.Scope)
	}
	if path.Shared() {
		d.note("hooks path", "shared with other repositories")
	}
	ours := d.configuredHooks(ctx, rp, program)
	for _, s := range githook.Inspect(rp.HooksDir()) {
		switch fault := s.Check(); {
		case fault != "":
			ours++
			d.bad(string(s.Name), "run regreen install", "the hook %s", fault)
		case s.Kind == githook.Ours:
			ours++
			text := "installed"
			if s.Program != program {
				text += ", runs " + s.Program
			}
			if s.Legacy {
				text += ", runs the previous hook first: " + string(s.Name) + ".legacy"
			}
			d.good(string(s.Name), "%s", text)
		case s.Kind == githook.Foreign:
			d.note(string(s.Name), "another program's hook; regreen install keeps it and runs it first")
		case s.Legacy:
			d.note(string(s.Name), "%s.legacy is left over; git does not run it", s.Name)
		}
	}
	if ours == 0 {
		d.note("hooks", "not installed; run regreen install")
	}
	for _, m := range managers {
		if _, err := os.Stat(filepath.Join(rp.Root(), m.file)); err == nil {
			d.note(m.name, "also manages hooks here (%s)", m.file)
		}
	}
}

// configuredHooks reports the hooks in git's configuration, and returns how many of them are
// regreen's.
func (d *doctor) configuredHooks(ctx context.Context, rp *repo.Repo, program string) (ours int) {
	hooks, err := rp.ConfiguredHooks(ctx)
	if err != nil {
		d.bad("git config", usererr.Hint(err), "%v", err)
		return 0
	}
	able, err := rp.RunsConfiguredHooks(ctx)
	for _, h := range hooks {
		where := fmt.Sprintf("hook.%s in the %s configuration", h.Name, h.Scope)
		switch {
		case err == nil && !able:
			d.bad(h.Event, "install git 2.54 or later, or run regreen install", "this git does not run %s", where)
		case h.Name != githook.ConfigName(githook.Name(h.Event)):
			d.note(h.Event, "%s also runs: %s", where, h.Command)
			continue
		case h.Command != githook.Command(program, githook.Name(h.Event)):
			d.note(h.Event, "installed as %s, runs %s", where, h.Command)
		default:
			d.good(h.Event, "installed as %s", where)
		}
		ours++
		for _, s := range githook.Inspect(rp.HooksDir()) {
			if string(s.Name) == h.Event && s.Kind == githook.Ours {
				d.bad(h.Event, "run regreen install, or regreen install --git-config, to keep one", "runs twice: from the hooks directory and from git's configuration")
			}
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
