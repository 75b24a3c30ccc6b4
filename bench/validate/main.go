// Command validate measures how many candidates per second package validate judges, and
// whether its verdicts agree with go test.
//
// Each subject is a published module with a seeded bug. The strategies propose candidates
// for all functions of the package with the bug. The best hundred, the best five hundred
// and all of them are screened like in the pipeline. The naive loop, which writes a
// candidate to a copy of the module, runs go test on the failing tests and restores the
// file, is timed on a sample of the same candidates: half of it before the screening and
// half after, so that a machine that slows down affects both. The build cache is separate
// and contains what both need of the unchanged code, so that earlier runs make no
// difference.
//
// With -differential, it compares the verdicts on a sample with those of the naive loop
// instead.
//
// Non-goal: to measure whether the bug is fixed, which bench/repair does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/regreen-ci/regreen/bench/seeded"
)

// usual lists the bugs that the bars apply to: in three packages of usual size and two
// larger ones.
const usual = "semver-tilde-minor,toml-basic-string-escapes,goldmark-empty-item,gotoml-multiline-newline,pflag-split-value"

type options struct {
	bugs         string
	only         string
	out          string
	profile      string
	jobs         int
	most         int
	differential int
	seed         uint64
	debug        bool
}

func main() {
	var o options
	flag.StringVar(&o.bugs, "bugs", "bench/repair/bugs.json", "the list of bugs, a `file`")
	flag.StringVar(&o.only, "only", usual, "measure with these bugs, by `id`, separated by commas")
	flag.StringVar(&o.out, "out", "", "also write the results to this `file`, as JSON")
	flag.StringVar(&o.profile, "profile", "", "write a CPU profile of screening all candidates to this `file`")
	flag.IntVar(&o.jobs, "jobs", 2, "workers of the validator")
	flag.IntVar(&o.most, "most", 6000, "the most candidates to screen")
	flag.IntVar(&o.differential, "differential", 0, "compare the verdicts on this many candidates per subject with the naive loop's; 0 measures speed")
	flag.Uint64Var(&o.seed, "seed", 1, "the seed of the samples")
	flag.BoolVar(&o.debug, "debug", false, "show the validator's log")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-validate:", err)
		os.Exit(1)
	}
}

// bench is one run over the subjects.
type bench struct {
	options
	modules *seeded.Modules
	log     *slog.Logger
	stderr  io.Writer
}

func run(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	if o.jobs < 1 || o.most < 1 || o.differential < 0 {
		return errors.New("-jobs and -most must be positive, and -differential not negative")
	}
	bugs, err := seeded.Load(o.bugs)
	if err != nil {
		return err
	}
	if bugs, err = seeded.Pick(bugs, o.only); err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "regreen-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	if temp, err = filepath.EvalSymlinks(temp); err != nil {
		return err
	}
	if err := os.Setenv("GOCACHE", filepath.Join(temp, "cache")); err != nil {
		return err
	}
	b := &bench{options: o, modules: &seeded.Modules{Temp: temp}, log: slog.New(slog.DiscardHandler), stderr: stderr}
	if o.debug {
		b.log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	subjects := func(do func(*subject) error) error {
		for _, bug := range bugs {
			s, err := b.prepare(ctx, bug, filepath.Join(temp, bug.ID))
			if err == nil {
				err = do(s)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", bug.ID, err)
			}
		}
		return nil
	}
	if o.differential > 0 {
		return b.differ(ctx, subjects, stdout)
	}
	return b.time(ctx, subjects, stdout)
}

// writeJSON writes v to a file, unless name is empty.
func writeJSON(name string, v any) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(f)
	enc.SetIndent("", "  ")
	return errors.Join(enc.Encode(v), f.Close())
}
