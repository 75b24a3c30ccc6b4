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

// relation is how a verdict of screening stands to what go test says.
type relation string

const (
	same        relation = "agree"
	loose       relation = "agree, but it does not compile" // and fails in screening, which looks at the real edit only of what passes
	misread     relation = "agree, but it compiles"         // and fails: had it passed, it would be a false reject
	falseAccept relation = "false accept"
	falseReject relation = "false reject"
	left        relation = "not judged"
	unsteady    relation = "go test disagrees with itself"
)

// judge compares. All is asked only where the failing tests pass and screening says
// that other tests do not.
func judge(r *validate.Result, failing outcome, all func() (outcome, error)) (relation, error) {
	switch {
	case !judged(r):
		return left, nil
	case r.Verdict == validate.Plausible && failing == passes:
		return same, nil
	case r.Verdict == validate.Plausible:
		return falseAccept, nil
	case r.Verdict == validate.Refused && failing == passes:
		got, err := all()
		if got == passes {
			return falseReject, err
		}
		return same, err
	case failing == passes:
		return falseReject, nil
	case r.Verdict == validate.IllTyped && failing != unbuilt:
		return misread, nil
	case r.Verdict != validate.IllTyped && failing == unbuilt:
		return loose, nil
	}
	return same, nil
}

// comparison is one candidate of which screening and go test have judged.
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
	Extra    bool             `json:"extra,omitempty"` // not of the sample, see differ
}

// differences is the outcome for one subject.
type differences struct {
	ID       string           `json:"id"`
	Screened int              `json:"screened"`
	Counts   map[relation]int `json:"counts"`  // in the sample
	Passing  int              `json:"passing"` // the failing tests, says go test; the extras count as well
	Extra    map[relation]int `json:"extra_counts"`
	List     []comparison     `json:"list"` // where they do not agree
	Seconds  float64          `json:"naive_seconds"`
}

const (
	// differTimeout is what the tests of one candidate may take before they count as
	// failed: much more than they take otherwise.
	differTimeout = 10 * time.Second
	// extras is how many candidates are compared besides the sample, of those that
	// pass the failing tests in screening, and as many again of those that change the
	// lines around the bug. A sample has next to none that pass, and what is wrongly
	// accepted or rejected is among them.
	extras = 40
	// around is how many lines before and after the bug those are.
	around = 3
	// rejectBar is the share of false rejects among the judged that is still allowed.
	rejectBar = 0.01
)

// differ compares the verdicts on samples of what the subjects' packages are screened
// for. Screened is all, so that the verdicts come about as they do in use. The naive
// loop works in as many copies as there are workers, and without vet, which may refuse
// code that passes: confirmation asks it, screening does not.
func (b *bench) differ(ctx context.Context, subjects func(func(*subject) error) error, w io.Writer) error {
	var all []differences
	total := differences{ID: "all", Counts: make(map[relation]int), Extra: make(map[relation]int)}
	fmt.Fprintf(w, "%d of each, seed %d\n", b.differential, b.seed)
	fmt.Fprintf(w, "%-28s %8s %7s %6s %6s %7s %8s %6s %7s %7s %6s %6s\n", "",
		"screened", "passing", "agree", "loose", "misread", "unsteady", "left", "accepts", "rejects", "extra", "wrong")
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
	fmt.Fprintln(w, "passing: the failing tests, says go test. loose: does not compile, but was a mutant, and failed. misread: compiles,\nbut is ill_typed in screening; go test fails. left: would need a build of its own. accepts, rejects: false ones.\nextra: compared besides, what passed in screening and what changes the lines around the bug; wrong: false ones of them.")
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

// rejects is the share of false rejects among what was judged.
func (d *differences) rejects() float64 {
	judged := d.Counts[same] + d.Counts[loose] + d.Counts[misread] + d.Counts[falseAccept] + d.Counts[falseReject]
	return float64(d.Counts[falseReject]) / float64(max(judged, 1))
}

func (d *differences) print(w io.Writer) {
	extra := 0
	for _, n := range d.Extra {
		extra += n
	}
	fmt.Fprintf(w, "%-28s %8d %7d %6d %6d %7d %8d %6d %7d %7d %6d %6d\n", d.ID, d.Screened, d.Passing, d.Counts[same], d.Counts[loose], d.Counts[misread],
		d.Counts[unsteady], d.Counts[left], d.Counts[falseAccept], d.Counts[falseReject], extra, d.Extra[falseAccept]+d.Extra[falseReject])
	for _, c := range d.List {
		if c.Relation != loose && c.Relation != left {
			fmt.Fprintf(w, "    %s: %s:%d %s (%s)\n        screening: %s at %s: %s; go test: %s\n", c.Relation, c.File, c.Line, c.Title, c.Strategy, c.Verdict, c.Stage, c.Reason, c.GoTest)
		}
	}
}

// compare screens all of a subject's candidates and tries a sample with go test.
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
		if c.Relation != same {
			d.List = append(d.List, c)
		}
	}
	return d, nil
}

// nearBug tells whether a candidate changes the lines around the bug.
func (s *subject) nearBug(c *propose.Candidate) bool {
	return c.File() == s.bug.File && c.Line >= s.bug.Line-around && c.Line <= s.bug.Line+around
}

// choose gives the numbers of n results, and of the extras.
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

// compare tries one candidate. Where that contradicts screening it is tried again.
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
			c.Relation = unsteady
			return c, nil
		case !wrong:
			return c, nil
		}
	}
	return c, nil
}
