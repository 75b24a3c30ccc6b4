package validate

import (
	"context"
	"sync"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
)

// Plain screens candidates in any language: it runs the failing tests once for each one, with
// its edit laid over the tree. It does not probe holes.
type Plain struct {
	Suite Suite
	Tree  *propose.Tree
	Jobs  int // workers; at least 1
	// OnDisk writes each edit into the tree instead, one at a time.
	OnDisk bool
	// Progress, if set, is called with how many candidates have a verdict.
	Progress func(done, total, plausible int)
}

// Screen returns a verdict on every candidate, in order: rejected, plausible, or pruned if ctx
// left no time for it.
func (p *Plain) Screen(ctx context.Context, target Target, cands []propose.Candidate) ([]Result, Spent) {
	results := Untested(cands)
	var mu sync.Mutex
	done, plausible := 0, 0
	began := time.Now()
	Each(ctx, p.Jobs, len(cands), func(i int) {
		r := &results[i]
		if !p.try(ctx, target, r) {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		done++
		if r.Verdict == Plausible {
			plausible++
		}
		if p.Progress != nil {
			p.Progress(done, len(results), plausible)
		}
	})
	return results, Spent{Run: time.Since(began).Seconds()}
}

// try runs the failing tests for one candidate. ok is false if ctx ended.
func (p *Plain) try(ctx context.Context, target Target, r *Result) (ok bool) {
	files, err := Files(p.Tree, r.Candidate)
	if err != nil {
		r.Judge(target, nil, err)
		return true
	}
	began := time.Now()
	request := target.Request(files)
	request.OnDisk = p.OnDisk
	res, err := p.Suite.Run(ctx, request)
	if err != nil && ctx.Err() != nil {
		return false
	}
	r.Seconds = time.Since(began).Seconds()
	if err != nil {
		r.Judge(target, nil, err)
		return true
	}
	r.Judge(target, target.notAccepted(res.Failures, target.Tests()), nil)
	if r.Verdict == Plausible && len(res.Missing) > 0 { // a test that does not run does not pass
		r.Verdict, r.Fixes, r.Reason = Rejected, nil, res.Missing[0].String()+" no longer runs"
	}
	return true
}

// ProbeHoles leaves every hole unknown.
func (*Plain) ProbeHoles(context.Context, Target, []*propose.Hole) Spent { return Spent{} }

// Samples returns nothing: every candidate has a run of its own.
func (*Plain) Samples() Samples { return Samples{} }
