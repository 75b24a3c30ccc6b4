package validate

import (
	"context"
	"sync"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
)

// Plain screens in any language: each candidate gets one run of the failing tests, with
// its edit laid over the tree. It knows nothing quicker, so it leaves holes unknown.
type Plain struct {
	Suite Suite
	Tree  *propose.Tree
	Jobs  int // workers; at least 1
	// Progress, when set, is called with how many candidates have a verdict.
	Progress func(done, total, plausible int)
}

// Screen returns a verdict on every candidate, in order: rejected or plausible, or pruned
// for what the context's end leaves over.
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

// try runs the failing tests for one candidate. It is not ok when the context ended.
func (p *Plain) try(ctx context.Context, target Target, r *Result) (ok bool) {
	files, err := Files(p.Tree, r.Candidate)
	if err != nil {
		r.Judge(target, nil, err)
		return true
	}
	began := time.Now()
	res, err := p.Suite.Run(ctx, target.Request(files))
	if err != nil && ctx.Err() != nil {
		return false
	}
	r.Seconds = time.Since(began).Seconds()
	if err != nil {
		r.Judge(target, nil, err)
		return true
	}
	r.Judge(target, res.Failures, nil)
	if r.Verdict == Plausible && len(res.Missing) > 0 { // made to vanish is not made to pass
		r.Verdict, r.Fixes, r.Reason = Rejected, nil, res.Missing[0].String()+" does not run any more"
	}
	return true
}

// ProbeHoles leaves every hole unknown.
func (*Plain) ProbeHoles(context.Context, Target, []*propose.Hole) Spent { return Spent{} }

// Samples are none: every candidate has a run of its own.
func (*Plain) Samples() Samples { return Samples{} }
