package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/validate"
)

// relation compares a screening verdict with the result of go test.
type relation string

const (
	agree relation = "agree"
	// notCompiled is for a candidate that failed as a mutant, so screening did not compile its real
	// edit.
	notCompiled relation = "agree, but it does not compile"
	// compiled is for a candidate that screening judged ill-typed, but that compiles and
	// fails. If it passed, it would be a false reject.
	compiled    relation = "agree, but it compiles"
	falseAccept relation = "false accept"
	falseReject relation = "false reject"
	notJudged   relation = "not judged"
	unstable    relation = "go test disagrees with itself"
)

// judge compares a screening verdict with the result of go test for the failing tests. It
// calls all only if these pass and screening found that other tests fail.
func judge(r *validate.Result, failing outcome, all func() (outcome, error)) (relation, error) {
	switch {
	case !judged(r):
		return notJudged, nil
	case r.Verdict == validate.Plausible && failing == passes:
		return agree, nil
	case r.Verdict == validate.Plausible:
		return falseAccept, nil
	case r.Verdict == validate.Refused && failing == passes:
		got, err := all()
		if got == passes {
			return falseReject, err
		}
		return agree, err
	case failing == passes:
		return falseReject, nil
	case r.Verdict == validate.IllTyped && failing != unbuilt:
		return compiled, nil
	case r.Verdict != validate.IllTyped && failing == unbuilt:
		return notCompiled, nil
	}
	return agree, nil
}

// comparison is one candidate that both screening and go test have judged.
type comparison struct {
	Number   int              `json:"number"` // in the list, from 1
	Strategy string           `json:"strategy"`
	Title    string           `json:"title"`
	File     string           `json:"file"`
	Line     int              `json:"line"`
	Verdict  validate.Verdict `json:"verdict"`
	Stage    string           `json:"stage"`
	Reason   string           `json:"reason"`
	GoTest   outcome          `json:"go_test"` // of the failing tests
	Relation relation         `json:"relation"`
	Extra    bool             `json:"extra,omitempty"` // not in the sample, see extras
}

// differences is the result for one subject.
type differences struct {
	ID       string           `json:"id"`
	Screened int              `json:"screened"`
	Counts   map[relation]int `json:"counts"`  // in the sample
	Passing  int              `json:"passing"` // pass the failing tests with go test, including extras
	Extra    map[relation]int `json:"extra_counts"`
	List     []comparison     `json:"list"` // those that are not "agree"
	Seconds  float64          `json:"naive_seconds"`
}

const (
	// differTimeout limits the tests of one candidate, which fail if they exceed it. It is
	// much more than they usually take.
	differTimeout = 10 * time.Second
	// extras is how many candidates of each of two kinds are compared in addition to the
	// sample: those that pass the failing tests in screening, and those that change lines
	// near the bug. Only candidates that pass can be accepted or rejected wrongly, and a
	// random sample has few of them.
	extras = 40
	// around is how many lines before and after the bug count as near it.
	around = 3
	// rejectBar is the allowed share of false rejects among the judged candidates.
	rejectBar = 0.01
)

// differ compares the verdicts on samples of the subjects' candidates. It screens all
// candidates, so that the verdicts are those of real use. Each worker runs a naive loop of
// its own, without vet: vet can reject code that passes its tests, and only confirmation
// runs it, not screening.
func (b *bench) differ(ctx context.Context, subjects func(func(*subject) error) error, w io.Writer) error {
	var all []differences
	total := differences{ID: "all", Counts: make(map[relation]int), Extra: make(map[relation]int)}
	fmt.Fprintf(w, "samples of %d, seed %d\n", b.differential, b.seed)
	fmt.Fprintf(w, "%-28s %8s %7s %6s %7s %8s %8s %8s %7s %7s %6s %6s\n", "",
		"screened", "passing", "agree", "unbuilt", "compiled", "unstable", "unjudged", "accepts", "rejects", "extra", "wrong")
	err := subjects(func(s *subject) error {
		d, err := b.compare(ctx, s)
		if err != nil {
			return err
		}
		all = append(all, d)
		total.add(d)
		d.print(w)
		return nil
	})
	if err != nil {
		return err
	}
	total.print(w)
	accepts := total.Counts[falseAccept] + total.Extra[falseAccept]
	fmt.Fprintf(w, "\nfalse accepts: %d, bar 0: %s\nfalse rejects: %.2f %% of those judged, bar 1 %%: %s\n",
		accepts, atMost(float64(accepts), 0), 100*total.rejects(), atMost(total.rejects(), rejectBar))
	fmt.Fprintln(w, "passing: pass the failing tests with go test. unbuilt: failed as a mutant, but do not compile. compiled: ill_typed in\nscreening, but compile and fail. unjudged: need their own build. accepts, rejects: false accepts and false rejects.\nextra: compared in addition, because they pass in screening or change lines near the bug. wrong: false accepts and\nfalse rejects among these.")
	return writeJSON(b.out, all)
}

func atMost(got, bar float64) string { return met(-got, -bar) }

func (d *differences) add(o differences) {
	d.Screened += o.Screened
	d.Passing += o.Passing
	for k, n := range o.Counts {
		d.Counts[k] += n
	}
	for k, n := range o.Extra {
		d.Extra[k] += n
	}
}

// rejects returns the share of false rejects among the judged candidates.
func (d *differences) rejects() float64 {
	judged := d.Counts[agree] + d.Counts[notCompiled] + d.Counts[compiled] + d.Counts[falseAccept] + d.Counts[falseReject]
	return float64(d.Counts[falseReject]) / float64(max(judged, 1))
}

func (d *differences) print(w io.Writer) {
	extra := 0
	for _, n := range d.Extra {
		extra += n
	}
	fmt.Fprintf(w, "%-28s %8d %7d %6d %7d %8d %8d %8d %7d %7d %6d %6d\n", d.ID, d.Screened, d.Passing, d.Counts[agree], d.Counts[notCompiled], d.Counts[compiled],
		d.Counts[unstable], d.Counts[notJudged], d.Counts[falseAccept], d.Counts[falseReject], extra, d.Extra[falseAccept]+d.Extra[falseReject])
	for _, c := range d.List {
		if c.Relation != notCompiled && c.Relation != notJudged {
			fmt.Fprintf(w, "    %s: %s:%d %s (%s)\n        screening: %s at %s: %s; go test: %s\n", c.Relation, c.File, c.Line, c.Title, c.Strategy, c.Verdict, c.Stage, c.Reason, c.GoTest)
		}
	}
}

// compare screens all candidates of a subject and runs go test on a sample.
func (b *bench) compare(ctx context.Context, s *subject) (differences, error) {
	d := differences{ID: s.bug.ID, Screened: len(s.cands), Counts: make(map[relation]int), Extra: make(map[relation]int), List: []comparison{}}
	v, err := b.validator(ctx, s, "differ")
	if err != nil {
		return d, err
	}
	results, _ := v.Screen(ctx, s.target, s.cands)
	sample := choose(results, s.nearBug, b.differential, b.seed)
	loops := make(chan *naive, b.jobs)
	for range b.jobs {
		loop, err := b.newNaive(s, differTimeout, "-vet=off", "-count=1")
		if err != nil {
			return d, err
		}
		loops <- loop
	}
	start := time.Now()
	list := make([]comparison, len(sample))
	errs := make([]error, len(sample))
	var wg sync.WaitGroup
	for i, number := range sample {
		loop := <-loops
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { loops <- loop }()
			list[i], errs[i] = loop.compare(ctx, &results[number])
			list[i].Number, list[i].Extra = number+1, i >= b.differential
		})
	}
	wg.Wait()
	d.Seconds = time.Since(start).Seconds()
	if err := cmp.Or(ctx.Err(), errors.Join(errs...)); err != nil {
		return d, err
	}
	for _, c := range list {
		if c.Extra {
			d.Extra[c.Relation]++
		} else {
			d.Counts[c.Relation]++
		}
		if c.GoTest == passes {
			d.Passing++
		}
		if c.Relation != agree {
			d.List = append(d.List, c)
		}
	}
	return d, nil
}

// nearBug reports whether a candidate changes lines near the bug.
func (s *subject) nearBug(c *propose.Candidate) bool {
	return c.File() == s.bug.File && c.Line >= s.bug.Line-around && c.Line <= s.bug.Line+around
}

// choose returns the indexes of n random results, followed by those of the extras.
func choose(results []validate.Result, near func(*propose.Candidate) bool, n int, seed uint64) []int {
	order := rand.New(rand.NewPCG(seed, 1)).Perm(len(results))
	n = min(n, len(order))
	sample := slices.Clone(order[:n])
	passing, closeBy := 0, 0
	for _, i := range order[n:] {
		switch v := results[i].Verdict; {
		case (v == validate.Plausible || v == validate.Refused) && passing < extras:
			passing++
		case near(results[i].Candidate) && closeBy < extras:
			closeBy++
		default:
			continue
		}
		sample = append(sample, i)
	}
	return sample
}

// compare runs go test on one candidate, and a second time if it contradicts screening.
func (n *naive) compare(ctx context.Context, r *validate.Result) (comparison, error) {
	c := comparison{
		Strategy: r.Candidate.Strategy, Title: r.Candidate.Title, File: r.Candidate.File(), Line: r.Candidate.Line,
		Verdict: r.Verdict, Stage: r.Stage, Reason: r.Reason,
	}
	var err error
	for range 2 {
		before := c.Relation
		if c.GoTest, err = n.failing(ctx, r.Candidate); err != nil {
			return c, err
		}
		if c.Relation, err = judge(r, c.GoTest, func() (outcome, error) { return n.all(ctx, r.Candidate) }); err != nil {
			return c, err
		}
		wrong := c.Relation == falseAccept || c.Relation == falseReject
		switch {
		case before != "" && before != c.Relation:
			c.Relation = unstable
			return c, nil
		case !wrong:
			return c, nil
		}
	}
	return c, nil
}
