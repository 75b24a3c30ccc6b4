// Package schemata screens candidates for Go with mutant schemata (Untch, Offutt, Harrold,
// "Mutation analysis using mutant schemata", 1993): it writes many candidates, the mutants,
// into one source and builds that once. At run time the program learns which mutant to be.
//
// A batch goes through these files: probes.go leaves out code that the failing tests do not
// reach, writer.go writes the source, build.go builds it, pool.go runs hundreds of mutants
// in a process, process.go runs those that pass again in processes of their own, and
// package.go runs the other tests of the package.
//
// Goals: thousands of candidates in the time of a few builds; every mode of screening is
// correct on its own and falls back on the next one; samples show when the fastest mode is
// unreliable.
//
// Non-goal: proof. Package validate confirms what passes, with the real edit.
package schemata

import (
	"context"
	"log/slog"
	"path"
	"slices"
	"time"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/validate"
)

// Options say what a [Screener] works on, and how.
type Options struct {
	Suite     *gotest.Suite
	Tree      *source.Tree
	Jobs      int // number of workers, at least 1
	Log       *slog.Logger
	Screening validate.Mode // "" means Auto
	Seed      uint64        // of the random samples
	// Progress, if set, is called with the number of candidates that have a verdict.
	Progress func(done, total, plausible int)
}

// Screener screens candidates for Go, for lang.Tools.
//
// It runs the failing tests for hundreds of mutants in a process (see pool.go). Mutants that
// pass run again in a process of their own. A candidate that cannot be a mutant gets a build
// of its own, without the go command where possible (see relink.go).
type Screener struct {
	opt Options

	begun    bool // a batch was screened
	probes   probeResults
	samples  validate.Samples
	indirect bool // see writer
	pool     poolState
	timings  map[string]*timing // by import path
	reads    gotest.Reads       // what the failing tests read, once they ran
}

// New returns a screener.
func New(opt Options) *Screener { return &Screener{opt: opt} }

// Samples returns how reliable the rejections were so far.
func (s *Screener) Samples() validate.Samples { return s.samples }

// trusted reports whether at most one in a hundred rejections was wrong.
func (s *Screener) trusted() bool { return s.samples.Passed*100 <= s.samples.Tried }

// each calls do with 0 to n-1 on the workers until the context ends.
func (s *Screener) each(ctx context.Context, n int, do func(i int)) {
	validate.Each(ctx, s.opt.Jobs, n, do)
}

// The sizes of the batches that are built into one program: first small, to screen the most
// likely candidates early, then large, to save builds.
const (
	firstBatch = 400
	laterBatch = 4000
)

// missedSample is the size of the sample of candidates that change no code that the failing
// tests reach: one in missedSample is tested anyway.
const missedSample = 50

// Screen returns a verdict on every candidate, in order: ill_typed, rejected, plausible, or
// refused if it breaks other tests of the package. Candidates that the context's end leaves
// untested are pruned, and those that change no code that the failing tests reach.
func (s *Screener) Screen(ctx context.Context, target validate.Target, cands []propose.Candidate) ([]validate.Result, validate.Spent) {
	results := validate.Untested(cands)
	var spent validate.Spent
	queue := make([]int, len(results)) // indexes
	for i := range queue {
		queue[i] = i
	}
	var missed []int // candidates in code that the failing tests do not reach
	done, plausible := 0, 0
	for len(queue) > 0 && ctx.Err() == nil {
		size := laterBatch
		if !s.begun {
			size, s.begun = firstBatch, true
		}
		var some []validate.Result
		var taken, controls []int
		for len(queue) > 0 && len(some) < size {
			i := queue[0]
			queue = queue[1:]
			if s.probes.misses(results[i].Candidate) {
				if done++; done%missedSample != 0 {
					results[i].Reason = "the failing tests fail before they reach it"
					missed = append(missed, i)
					continue
				}
				controls = append(controls, i)
			}
			some, taken = append(some, results[i]), append(taken, i)
		}
		s.newBatch(target, some, &spent).screen(ctx)
		for n, i := range taken {
			if results[i] = some[n]; some[n].Verdict == validate.Plausible {
				plausible++
			}
		}
		done += len(some) - len(controls)
		if slices.ContainsFunc(controls, func(i int) bool { return results[i].Verdict == validate.Plausible }) {
			s.opt.Log.Debug("a candidate passes in code that the tests do not reach", "package", target.Package)
			s.probes.disable()
			done -= len(missed)
			queue, missed = append(missed, queue...), nil
		}
		if s.opt.Progress != nil {
			s.opt.Progress(done, len(results), plausible)
		}
	}
	return results, spent
}

// mutant is a candidate with its number in the program, from 1.
type mutant struct {
	ID        int
	Candidate *propose.Candidate
}

// batch holds the mutants that are built and screened together.
type batch struct {
	s       *Screener
	target  validate.Target
	results []validate.Result // results[0] is of the mutant with ID 1
	spent   *validate.Spent

	dirs  []string // of the packages, in the order of their first mutants
	byDir map[string][]mutant
	whole []mutant // mutants that need a build of their own
	read  []mutant // mutants in files that the failing tests read; see read.go
	meta  *metamutant
}

// newBatch returns a batch of the candidates of results.
func (s *Screener) newBatch(target validate.Target, results []validate.Result, spent *validate.Spent) *batch {
	b := &batch{s: s, target: target, results: results, spent: spent, byDir: make(map[string][]mutant)}
	for i := range results {
		m := mutant{i + 1, results[i].Candidate}
		if s.misleads(m) {
			b.read = append(b.read, m)
			continue
		}
		if m.Candidate.Whole || !samePackage(m.Candidate) || s.opt.Screening == validate.Overlay {
			b.whole = append(b.whole, m)
			continue
		}
		dir := path.Dir(m.Candidate.File())
		if b.byDir[dir] == nil {
			b.dirs = append(b.dirs, dir)
		}
		b.byDir[dir] = append(b.byDir[dir], m)
	}
	return b
}

// result returns the result of a mutant.
func (b *batch) result(m mutant) *validate.Result { return &b.results[m.ID-1] }

// shared returns the mutants that share a build.
func (b *batch) shared() []mutant {
	var out []mutant
	for _, dir := range b.dirs {
		out = append(out, b.byDir[dir]...)
	}
	return out
}

// screen type-checks, builds and runs the batch.
func (b *batch) screen(ctx context.Context) {
	before := *b.spent
	mutants := b.shared()
	rest := b.build(ctx)
	mutants, rest = b.setAside(mutants), b.setAside(rest)
	b.whole = b.setAside(b.whole)
	if b.meta != nil {
		start := time.Now()
		b.run(ctx, without(mutants, rest))
		b.spent.Run += time.Since(start).Seconds()
		_ = b.meta.binary.Remove()
	}
	start := time.Now()
	b.whole = append(b.whole, rest...)
	b.limitWhole()
	b.runWhole(ctx)
	b.runRead(ctx)
	b.spent.Run += time.Since(start).Seconds()
	b.s.opt.Log.Debug("batch", "candidates", len(b.results), "whole", len(b.whole), "check", b.spent.TypeCheck-before.TypeCheck,
		"build", b.spent.Build-before.Build, "run", b.spent.Run-before.Run)
}

func samePackage(c *propose.Candidate) bool {
	for _, e := range c.Edits {
		if path.Dir(e.File) != path.Dir(c.File()) {
			return false
		}
	}
	return true
}

// run runs the failing tests for the mutants of one build, and then the other tests of
// their packages.
func (b *batch) run(ctx context.Context, mutants []mutant) {
	s := b.s
	mutants = slices.DeleteFunc(mutants, func(m mutant) bool { return b.result(m).Verdict == validate.IllTyped })
	start := time.Now()
	open, sampled := b.runPooled(ctx, mutants)
	undecided := open.all()
	s.opt.Log.Debug("pools", "candidates", len(mutants), "undecided", len(undecided), "passing", len(open.passing), "duplicates so far", s.pool.duplicates, "seconds", time.Since(start).Seconds())
	refused := b.refusePooled(ctx, open.passing)
	sampledRefused := refused[:min(len(refused), packageSample)]
	b.runEach(ctx, slices.Concat(without(undecided, refused), sampled, sampledRefused))
	s.samples.Tried += len(sampled)
	s.samples.Passed += len(b.plausible(sampled))
	if !s.trusted() && s.opt.Screening != validate.InProcess && !s.pool.off.Load() {
		s.noPool("too many rejections are wrong", "package", b.target.Package, "tried", s.samples.Tried, "passed", s.samples.Passed)
		b.runEach(ctx, without(mutants, slices.Concat(undecided, sampled)))
	}
	b.screenPackages(ctx, mutants)
	if len(b.plausible(sampledRefused)) > 0 {
		s.opt.Log.Debug("no more pools of a whole package: one was wrong", "package", b.target.Package)
		s.timing(ctx, b.meta.binary, b.target).noPools = true
		again := without(refused, sampledRefused)
		b.runEach(ctx, again)
		b.screenPackages(ctx, again)
	}
}

// plausible returns the mutants that are plausible so far.
func (b *batch) plausible(mutants []mutant) []mutant {
	return slices.DeleteFunc(slices.Clone(mutants), func(m mutant) bool { return b.result(m).Verdict != validate.Plausible })
}

// without returns the mutants that are not among others.
func without(mutants, others []mutant) []mutant {
	return slices.DeleteFunc(slices.Clone(mutants), func(m mutant) bool {
		return slices.ContainsFunc(others, func(o mutant) bool { return o.ID == m.ID })
	})
}
