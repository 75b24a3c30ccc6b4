// Command green compares regreen with go test on published modules whose tests pass, or fail for
// reasons of their own.
//
// For each module, it measures in turn
//
//   - go test ./... in the checkout, regreen test --no-cache, and regreen test with what it
//     remembers, all of them when nothing has changed since their first run;
//   - a commit that changes one package that no other imports, with the pre-commit hook and
//     without, and go test in the checkout on the packages that such a change can break.
//
// A run that is fast because nothing ran does not count: regreen must report the tests that go test
// reports.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	regreen := flag.String("regreen", "bin/regreen", "the regreen `binary` to measure")
	runs := flag.Int("runs", 5, "how often each command is measured, after a first run that is not")
	only := flag.String("only", "", "only these modules, by the last element of the path, separated by commas")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	met, err := bench(ctx, *regreen, max(*runs, 1), *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-green:", err)
		os.Exit(2)
	}
	if !met {
		os.Exit(1)
	}
}

// bench measures the modules, and reports whether all of them meet the bar.
func bench(ctx context.Context, regreen string, runs int, only string) (met bool, err error) {
	if regreen, err = filepath.Abs(regreen); err != nil {
		return false, err
	}
	if _, err := os.Stat(regreen); err != nil {
		return false, fmt.Errorf("%w\nhint: run make build", err)
	}
	picked := slices.DeleteFunc(slices.Clone(modules), func(m module) bool {
		return only != "" && !slices.Contains(strings.Split(only, ","), m.name())
	})
	if len(picked) == 0 {
		return false, fmt.Errorf("no module is called %s", only)
	}
	temp, err := os.MkdirTemp("", "green-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	b := newMachine(temp, regreen)
	met = true
	for _, m := range picked {
		t, err := b.measure(ctx, m, runs)
		if err != nil {
			return false, fmt.Errorf("%s: %w", m.Path, err)
		}
		t.print(os.Stdout)
		met = met && t.met()
	}
	return met, nil
}

// The bar: how much longer than go test regreen may take.
const (
	barFactor = 1.2
	barPlus   = 150 * time.Millisecond
)

func bar(goTest time.Duration) time.Duration {
	return time.Duration(barFactor*float64(goTest)) + barPlus
}
