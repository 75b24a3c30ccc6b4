package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/regreen-ci/regreen/bench/seeded"
	"github.com/regreen-ci/regreen/internal/lang/all"
	"github.com/regreen-ci/regreen/internal/lang/golang/coverage"
	"github.com/regreen-ci/regreen/internal/lang/golang/harmless"
	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// reachAll prints which exact fixes the strategies can generate if the buggy function is
// the only suspect, and their position among the candidates. It runs no tests, which makes
// it quick enough for writing a template.
func (b *bench) reachAll(ctx context.Context, bugs []seeded.Bug) bool {
	found := 0
	b.each(ctx, bugs, func(ctx context.Context, i int, dir string) {
		rank, total, by, err := b.reach(ctx, bugs[i], dir)
		switch {
		case err != nil:
			fmt.Fprintf(b.stdout, "%-34s template %-2d  %v\n", bugs[i].ID, bugs[i].Template, err)
		case rank == 0:
			fmt.Fprintf(b.stdout, "%-34s template %-2d  not among %d candidates\n", bugs[i].ID, bugs[i].Template, total)
		default:
			found++
			fmt.Fprintf(b.stdout, "%-34s template %-2d  %5d of %5d by %s\n", bugs[i].ID, bugs[i].Template, rank, total, by)
		}
	})
	fmt.Fprintf(b.stdout, "found: %d of %d\n", found, len(bugs))
	return ctx.Err() == nil
}

// reach returns the position of the exact fix among the candidates, from 1, or 0.
func (b *bench) reach(ctx context.Context, bug seeded.Bug, dir string) (rank, total int, by string, err error) {
	if err := b.modules.Checkout(ctx, bug, dir); err != nil {
		return 0, 0, "", err
	}
	original, err := bug.SeedFile(dir)
	if err != nil {
		return 0, 0, "", err
	}
	start, end := functionAround(dir, bug.File, bug.Line)
	tree := &source.Tree{Tree: &propose.Tree{Root: dir}, Env: seeded.Environment(os.Environ())}
	p := &propose.Problem{
		Tree: tree.Tree, Source: tree, TestCode: tree.TestCode,
		Suspects: []localize.Suspect{{File: bug.File, Start: start, End: end, Score: 1}},
		Failures: []testrun.Failure{{TestID: testrun.TestID{Package: bug.Module, Test: "TestX"}, Kind: testrun.Assertion, Location: testrun.Location{File: bug.File}}},
	}
	var templates []propose.Strategy
	shares := make(map[string]float64)
	for _, s := range all.Strategies() {
		if s.Applies(testrun.Assertion) && !s.LastResort {
			templates = append(templates, s)
			shares[s.Name] = s.Share
		}
	}
	cands, errs := propose.Generate(ctx, p, templates)
	if len(errs) > 0 {
		return 0, 0, "", errs[0]
	}
	propose.Order(cands, func(name string) float64 { return shares[name] }, func(*propose.Candidate) float64 { return 1 })
	for i := range cands {
		files, err := cands[i].Files(p.Tree)
		if err != nil {
			return 0, 0, "", err
		}
		if got := files[bug.File]; len(got) == len(original) && bytes.Equal(got, original) || similarSize(got, original) && harmless.SameCode(got, original) {
			return i + 1, len(cands), cands[i].Strategy, nil
		}
	}
	return 0, len(cands), "", nil
}

// similarSize reports whether two files differ little in length. It saves comparing the
// tokens of files that cannot be the same code.
func similarSize(a, b []byte) bool { return a != nil && max(len(a)-len(b), len(b)-len(a)) < 80 }

// functionAround returns the range of the function around a line, or just the line.
func functionAround(dir, file string, line int) (start, end int) {
	if f := localize.NewSource(dir, nil, coverage.Outline).File(file); f != nil {
		if unit := f.UnitAt(line); unit != nil && unit.Function {
			return unit.Start, unit.End
		}
	}
	return line, line
}
