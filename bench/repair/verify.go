package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/bench/seeded"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// verdict holds the checks of -verify for one bug.
type verdict struct {
	applies  bool
	compiles bool // the module and its tests compile with the bug
	green    bool // the published module passed its tests twice
	red      bool // a test fails with the bug
	hangs    bool // a test timed out with the bug
	harmless bool // with -history: the harmless hunks alone do not break the tests
	problem  string
}

// fit reports whether a bug can be measured.
func (v verdict) fit(b seeded.Bug, history bool) bool {
	return v.applies && v.green && v.red && !v.hangs && v.compiles == (b.Template != 0) && (!history || v.harmless)
}

// verifier checks bugs without regreen.
type verifier struct {
	modules *seeded.Modules
	history bool

	mu    sync.Mutex
	green map[string]*sync.Once // by path@version: tests a published tree once
	isRed map[string]error      // by path@version: why it is red
}

func (v *verifier) verify(ctx context.Context, b seeded.Bug, dir string) verdict {
	var out verdict
	fail := func(err error) verdict {
		out.problem = testrun.FirstLine(err.Error())
		return out
	}
	if err := v.modules.Checkout(ctx, b, dir); err != nil {
		return fail(err)
	}
	if err := v.published(ctx, b, dir); err != nil {
		return fail(err)
	}
	out.green = true
	if v.history {
		if _, err := addHarmless(dir, b); err != nil {
			return fail(err)
		}
		if _, err := test(ctx, dir); err != nil {
			return fail(fmt.Errorf("harmless hunks: %w", err))
		}
		out.harmless = true
	}
	if _, err := b.SeedFile(dir); err != nil {
		return fail(err)
	}
	out.applies = true
	said, err := test(ctx, dir)
	if err == nil {
		out.compiles = true
		out.problem = "no test fails"
		return out
	}
	out.red = ctx.Err() == nil
	out.hangs = strings.Contains(said, "panic: test timed out")
	// go test compiles and vets every package and its tests, even if it runs none.
	_, err = seeded.Run(ctx, dir, "go", "test", "-run=^$", "./...")
	out.compiles = err == nil
	return out
}

// published tests the module as published, in dir, once for all bugs of the module.
func (v *verifier) published(ctx context.Context, b seeded.Bug, dir string) error {
	name := b.Module + "@" + b.Version
	v.mu.Lock()
	once, ok := v.green[name]
	if !ok {
		once = new(sync.Once)
		v.green[name] = once
	}
	v.mu.Unlock()
	once.Do(func() {
		var err error
		for range 2 {
			if err == nil {
				_, err = test(ctx, dir)
			}
		}
		v.mu.Lock()
		v.isRed[name] = err
		v.mu.Unlock()
	})
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.isRed[name]
}

// test runs all tests of the module in dir.
func test(ctx context.Context, dir string) (said string, err error) {
	out, err := seeded.Run(ctx, dir, "go", "test", "-count=1", "-timeout=60s", "./...")
	return string(out), err
}

// verifyAll verifies the bugs and prints a table. It reports whether all can be measured.
func (b *bench) verifyAll(ctx context.Context, bugs []seeded.Bug) bool {
	v := &verifier{modules: b.modules, history: b.history, green: map[string]*sync.Once{}, isRed: map[string]error{}}
	verdicts := make([]verdict, len(bugs))
	b.each(ctx, bugs, func(ctx context.Context, i int, dir string) {
		verdicts[i] = v.verify(ctx, bugs[i], dir)
		if ctx.Err() != nil {
			return
		}
		state := "ok"
		if !verdicts[i].fit(bugs[i], b.history) {
			state = "FAILED " + verdicts[i].problem
		}
		fmt.Fprintf(b.stderr, "%s %s\n", bugs[i].ID, state)
	})
	if ctx.Err() != nil {
		return false
	}
	all := true
	w := table(b.stdout, "bug", "module", "template", "applies", "compiles", "published green", "buggy red", "harmless green", "ok")
	for i, bug := range bugs {
		got := verdicts[i]
		fit := got.fit(bug, b.history)
		all = all && fit
		harmless := "-"
		if b.history {
			harmless = yes(got.harmless)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", bug.ID, bug.Module, bug.Template,
			yes(got.applies), yes(got.compiles), yes(got.green), yes(got.red), harmless, yes(fit))
	}
	w.Flush()
	modules := map[string]bool{}
	fit := 0
	for i, bug := range bugs {
		modules[bug.Module] = true
		if verdicts[i].fit(bug, b.history) {
			fit++
		}
	}
	fmt.Fprintf(b.stdout, "%d of %d bugs in %d modules can be measured\n", fit, len(bugs), len(modules))
	return all
}

// bugDir creates an empty directory for a bug.
func (b *bench) bugDir(bug seeded.Bug) (string, error) {
	return os.MkdirTemp(b.modules.Temp, filepath.Base(bug.ID)+"-")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
