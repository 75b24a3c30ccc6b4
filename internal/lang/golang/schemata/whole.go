package schemata

import (
	"context"
	"time"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// maxWhole bounds how many candidates of a batch get a build of their own: each takes as long
// as a hundred mutants that share one, even if it is relinked.
const maxWhole = 10

// limitWhole drops the candidates beyond maxWhole.
func (b *batch) limitWhole() {
	if len(b.whole) <= maxWhole || b.s.opt.Screening == validate.Overlay {
		return
	}
	for _, m := range b.whole[maxWhole:] {
		r := b.result(m)
		r.Reason, r.Postponed = "would need a build of its own", true
	}
	b.whole = b.whole[:maxWhole]
}

// runWhole tests the candidates that need a build of their own.
func (b *batch) runWhole(ctx context.Context) {
	relinker := b.s.relinker(ctx, b.target, len(b.whole))
	if relinker != nil {
		defer relinker.Close()
	}
	b.runBuilt(ctx, relinker)
}

// runBuilt builds and tests each candidate on its own; relinker may be nil.
func (b *batch) runBuilt(ctx context.Context, relinker *gotest.Relinker) {
	b.s.each(ctx, len(b.whole), func(i int) {
		r := b.result(b.whole[i])
		start := time.Now()
		failures, err := b.failures(ctx, relinker, r.Candidate)
		if err != nil && ctx.Err() != nil {
			return
		}
		r.Seconds = time.Since(start).Seconds()
		r.Judge(b.target, failures, err)
	})
}

// failures runs the target's tests with the real edit laid over the tree and returns the
// failures. If the relinker cannot build that, the go command does.
func (b *batch) failures(ctx context.Context, relinker *gotest.Relinker, c *propose.Candidate) ([]testrun.Failure, error) {
	files, err := validate.Files(b.s.opt.Tree.Tree, c)
	if err != nil {
		return nil, err
	}
	request := b.target.Request(files)
	if relinker != nil {
		failures, err := relinked(ctx, relinker, request)
		if err == nil || ctx.Err() != nil {
			return failures, err
		}
		b.s.opt.Log.Debug("not relinked", "candidate", c.Title, "error", err)
	}
	res, err := b.s.opt.Suite.Run(ctx, request)
	if err != nil {
		return nil, err
	}
	return res.Failures, nil
}
