// Command repair measures regreen on bugs seeded into published Go modules.
//
// For each bug of a list, it makes a repository with the module and the bug, runs a
// regreen binary on it, and judges the Report: is there a patch that makes the tests
// pass (plausible), does one restore the published code (exact), and at which rank.
// With -history the bug is in a commit with five harmless hunks, and the Report must
// name its hunk, and no other, as the culprit. With -commit there are more of these hunks,
// and the patch must keep them.
//
// It runs regreen in a separate process, like a user would, and regreen sees nothing of
// the list.
//
// Non-goals: to compare machines, or to measure languages other than Go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/regreen-ci/regreen/bench/seeded"
)

// Exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1 // a bug could not be measured, or failed -verify
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	os.Exit(realMain(os.Args[1:], os.Stdout, os.Stderr))
}

func realMain(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opts, err := parseFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "repair: %v\n", err)
		return exitUsage
	}
	bugs, err := selected(opts)
	if err != nil {
		fmt.Fprintf(stderr, "repair: %v\n", err)
		return exitUsage
	}
	temp, err := os.MkdirTemp("", "regreen-bench-")
	if err != nil {
		fmt.Fprintf(stderr, "repair: %v\n", err)
		return exitFailed
	}
	defer os.RemoveAll(temp)

	b := &bench{options: opts, modules: &seeded.Modules{Temp: temp}, stdout: stdout, stderr: stderr}
	ok := false
	if opts.verify {
		ok = b.verifyAll(ctx, bugs)
	} else if opts.reach {
		ok = b.reachAll(ctx, bugs)
	} else {
		ok, err = b.measureAll(ctx, bugs)
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "repair: interrupted")
		return exitInterrupted
	case err != nil:
		fmt.Fprintf(stderr, "repair: %v\n", err)
		return exitFailed
	case !ok:
		return exitFailed
	}
	return exitOK
}

type options struct {
	regreen string // absolute path of the binary
	bugs    string
	only    string
	out     string
	budget  time.Duration
	jobs    int
	history bool
	commit  bool
	verify  bool
	reach   bool
}

func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("repair", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.regreen, "regreen", "bin/regreen", "the regreen binary to measure")
	flags.StringVar(&o.bugs, "bugs", "bench/repair/bugs.json", "the list of bugs")
	flags.StringVar(&o.only, "only", "", "only these bugs, by id, separated by commas")
	flags.StringVar(&o.out, "out", "", "also write the results to this file, as JSON")
	flags.DurationVar(&o.budget, "budget", time.Minute, "the budget of regreen for one bug")
	flags.IntVar(&o.jobs, "jobs", 1, "how many bugs to measure at a time; regreen already uses all cores")
	flags.BoolVar(&o.history, "history", false, "hide the bug among harmless hunks of a second commit and judge the culprit")
	flags.BoolVar(&o.commit, "commit", false, "hide the bug in a commit of three files and judge the patch, which must keep the rest of the commit")
	flags.BoolVar(&o.verify, "verify", false, "check that the bugs can be measured; does not need regreen")
	flags.BoolVar(&o.reach, "reach", false, "only show which exact fixes the strategies can generate, and their position; runs no tests")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.history && o.commit {
		return o, errors.New("-history and -commit exclude each other")
	}
	if o.jobs < 1 || o.budget <= 0 {
		return o, errors.New("-jobs and -budget must be positive")
	}
	if o.verify || o.reach {
		return o, nil
	}
	path, err := filepath.Abs(o.regreen)
	if err != nil {
		return o, err
	}
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return o, fmt.Errorf("no binary at %s\nhint: run make build", o.regreen)
	}
	o.regreen = path
	return o, nil
}

// selected loads the list and returns the bugs that -only names, or all.
func selected(o options) ([]seeded.Bug, error) {
	bugs, err := seeded.Load(o.bugs)
	if err != nil || o.only == "" {
		return bugs, err
	}
	return seeded.Pick(bugs, o.only)
}

// bench is one run over a list of bugs.
type bench struct {
	options
	modules        *seeded.Modules
	stdout, stderr io.Writer
}

// each calls do for every bug, -jobs at a time, with an empty directory that it removes
// afterwards. It starts no more bugs once ctx is done.
func (b *bench) each(ctx context.Context, bugs []seeded.Bug, do func(ctx context.Context, i int, dir string)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, b.jobs)
	for i, bug := range bugs {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			dir, err := b.bugDir(bug)
			if err != nil {
				fmt.Fprintf(b.stderr, "%s %v\n", bug.ID, err)
				return
			}
			defer os.RemoveAll(dir)
			do(ctx, i, dir)
		})
	}
	wg.Wait()
}

// table returns a writer of aligned columns, and writes their names to it.
func table(w io.Writer, columns ...string) *tabwriter.Writer {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(columns, "\t"))
	return t
}
