package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"syscall"
	"time"

	"github.com/regreen-ci/regreen/internal/lang/golang/schemata"
	"github.com/regreen-ci/regreen/internal/validate"
)

// result is the result for one subject.
type result struct {
	ID       string   `json:"id"`
	Module   string   `json:"module"`
	Package  string   `json:"package"` // of the failing tests
	Tests    []string `json:"tests"`   // the failing ones
	Proposed int      `json:"proposed"`
	Naive    float64  `json:"naive_per_second"`
	NaiveCPU float64  `json:"naive_cpu_seconds"` // per candidate
	Steps    []step   `json:"steps"`
}

// step is one screening.
type step struct {
	N         int     `json:"n"`
	Judged    int     `json:"judged"` // see judged
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"` // of those judged
	Ratio     float64 `json:"ratio"`      // to the naive loop
	CPU       float64 `json:"cpu_seconds"`
	CPURatio  float64 `json:"cpu_ratio"` // of CPU time, which depends less on other load
	// Seconds by stage.
	TypeCheck float64 `json:"type_check_seconds"`
	Build     float64 `json:"build_seconds"`
	Run       float64 `json:"run_seconds"`
	Rest      float64 `json:"rest_seconds"`

	Memory   memory                   `json:"memory"`
	Verdicts map[validate.Verdict]int `json:"verdicts"`
	Reasons  map[string]int           `json:"reasons"` // why candidates were rejected or pruned
	// Seconds until the first plausible candidate was reported, and until the first one was
	// confirmed, which begins after screening. 0 means never.
	Plausible float64 `json:"first_plausible_seconds,omitempty"`
	Verified  float64 `json:"first_verified_seconds,omitempty"`
}

const (
	// naiveSamples is how many candidates the naive loop is timed on.
	naiveSamples = 10
	// naiveTimeout limits its tests. It is short, so that a candidate that never ends does
	// not make the loop look slow.
	naiveTimeout = 2 * time.Second
	// warmed is how many candidates are screened to fill the build cache.
	warmed = 20
	// mostConfirmed limits how many plausible candidates are confirmed, as in the pipeline.
	mostConfirmed = 15
)

// sizes are the numbers of candidates to screen, in addition to all.
var sizes = []int{100, 500}

// measure times the naive loop and the screening of a subject.
func (b *bench) measure(ctx context.Context, s *subject) (result, error) {
	r := result{ID: s.bug.ID, Module: s.bug.Module, Package: s.target.Package, Proposed: s.proposed}
	for _, id := range s.target.Tests() {
		r.Tests = append(r.Tests, id.Test)
	}
	loop, err := b.newNaive(s, naiveTimeout)
	if err != nil {
		return r, err
	}
	if err := b.warm(ctx, s, loop); err != nil {
		return r, err
	}
	samples := spread(len(s.cands), naiveSamples, b.seed)
	var spent, cpu time.Duration
	naive := func(samples []int) error {
		start, before := time.Now(), cpuTime()
		for _, i := range samples {
			if _, err := loop.failing(ctx, &s.cands[i]); err != nil {
				return err
			}
		}
		spent += time.Since(start)
		cpu += cpuTime() - before
		return nil
	}
	if err := naive(samples[:len(samples)/2]); err != nil {
		return r, err
	}
	confirmed := make(map[int]confirmation)
	for _, n := range append(slices.Clone(sizes), len(s.cands)) {
		if n > len(s.cands) || len(r.Steps) > 0 && r.Steps[len(r.Steps)-1].N == n {
			continue
		}
		st, err := b.screen(ctx, s, n, confirmed)
		if err != nil {
			return r, err
		}
		r.Steps = append(r.Steps, st)
	}
	if err := naive(samples[len(samples)/2:]); err != nil {
		return r, err
	}
	r.Naive, r.NaiveCPU = float64(len(samples))/spent.Seconds(), cpu.Seconds()/float64(len(samples))
	for i := range r.Steps {
		st := &r.Steps[i]
		st.Ratio, st.CPURatio = st.PerSecond/r.Naive, r.NaiveCPU*float64(st.Judged)/st.CPU
	}
	return r, nil
}

// warm fills the build cache with what all candidates have in common.
func (b *bench) warm(ctx context.Context, s *subject, loop *naive) error {
	what, err := loop.failing(ctx, nil)
	if err != nil {
		return err
	}
	if what != fails {
		return fmt.Errorf("in the copy, %s %s without a candidate", s.target.Package, what)
	}
	v, err := b.validator(ctx, s, "warm")
	if err != nil {
		return err
	}
	v.Screen(ctx, s.target, s.cands[max(0, len(s.cands)-warmed):]) // some of them compile
	return ctx.Err()
}

// spread divides the numbers below total into n parts of equal size and returns a random
// one of each.
func spread(total, n int, seed uint64) []int {
	rng := rand.New(rand.NewPCG(seed, 0))
	n = min(n, total)
	out := make([]int, 0, n)
	for i := range n {
		from, to := i*total/n, (i+1)*total/n
		out = append(out, from+rng.IntN(to-from))
	}
	return out
}

// validator returns a new validator. Only the source of the package under repair is
// loaded, as the strategies do in the pipeline. A comment with the step at the end of a
// file prevents it from using what was built for other steps.
func (b *bench) validator(ctx context.Context, s *subject, step string) (*validate.Validator, error) {
	tree := s.tree()
	src, err := tree.Read(s.bug.File)
	if err != nil {
		return nil, err
	}
	tree.Overlay = map[string][]byte{s.bug.File: fmt.Appendf(slices.Clone(src), "\n// step %s\n", step)}
	_, err = tree.Load(ctx, path.Dir(s.bug.File))
	v := &validate.Validator{Suite: s.suite, Tree: tree.Tree, Progress: func(_, _, _ int) {}}
	v.Screener = schemata.New(schemata.Options{
		Suite: s.suite, Tree: tree, Jobs: b.jobs, Log: b.log,
		Progress: func(done, total, plausible int) { v.Progress(done, total, plausible) },
	})
	return v, err
}

// screen screens the first n candidates, and confirms plausible ones until one is verified.
func (b *bench) screen(ctx context.Context, s *subject, n int, confirmed map[int]confirmation) (st step, err error) {
	v, err := b.validator(ctx, s, fmt.Sprint(n))
	if err != nil {
		return st, err
	}
	cands := slices.Clone(s.cands[:n])
	st = step{N: n, Verdicts: make(map[validate.Verdict]int), Reasons: make(map[string]int)}
	debug.FreeOSMemory() // do not count earlier garbage
	end := func() error { return nil }
	if b.profile != "" && n == len(s.cands) {
		if end, err = profileTo(b.profile); err != nil {
			return st, err
		}
	}
	stop := watchMemory()
	start, before := time.Now(), cpuTime()
	v.Progress = func(_, _, plausible int) {
		if plausible > 0 && st.Plausible == 0 {
			st.Plausible = time.Since(start).Seconds()
		}
	}
	results, spent := v.Screen(ctx, s.target, cands)
	st.Seconds, st.CPU = time.Since(start).Seconds(), (cpuTime() - before).Seconds()
	st.Memory = stop()
	if err := errors.Join(end(), ctx.Err()); err != nil {
		return st, err
	}
	st.TypeCheck, st.Build, st.Run = spent.TypeCheck, spent.Build, spent.Run
	st.Rest = st.Seconds - st.TypeCheck - st.Build - st.Run
	for i := range results {
		st.Verdicts[results[i].Verdict]++
		if v := results[i].Verdict; v == validate.Rejected || v == validate.Pruned {
			st.Reasons[results[i].Reason]++
		}
		if judged(&results[i]) {
			st.Judged++
		}
	}
	st.PerSecond = float64(st.Judged) / st.Seconds
	seconds, ok, err := confirmFirst(ctx, v, s.target, results, confirmed)
	if ok {
		st.Verified = st.Seconds + seconds
	}
	return st, err
}

// judged reports whether a candidate got a verdict. Those that need their own build, and
// those left when time ran out, got none.
func judged(r *validate.Result) bool {
	return r.Verdict != validate.Pruned || r.Reason != "would need a build of its own" && r.Reason != "the budget ended before its turn"
}

// confirmation is the outcome of confirming a candidate.
type confirmation struct {
	verified bool
	seconds  float64
}

// confirmFirst confirms plausible candidates in order until one is verified. It confirms
// each only once for all sizes, because go test would cache the result.
func confirmFirst(ctx context.Context, v *validate.Validator, target validate.Target, results []validate.Result, known map[int]confirmation) (seconds float64, ok bool, err error) {
	tried := 0
	for i := range results {
		if results[i].Verdict != validate.Plausible || tried == mostConfirmed {
			continue
		}
		tried++
		c, done := known[i]
		if !done {
			start := time.Now()
			if err := v.Confirm(ctx, target, &results[i]); err != nil {
				return 0, false, err
			}
			c = confirmation{results[i].Verdict == validate.Verified, time.Since(start).Seconds()}
			known[i] = c
		}
		seconds += c.seconds
		if c.verified {
			return seconds, true, nil
		}
	}
	return seconds, false, nil
}

// cpuTime returns the CPU time of this process and its descendants that have exited.
func cpuTime() time.Duration {
	var sum int64
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			sum += u.Utime.Nano() + u.Stime.Nano()
		}
	}
	return time.Duration(sum)
}

// profileTo starts a CPU profile of this process, which end stops.
func profileTo(name string) (end func() error, err error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}
