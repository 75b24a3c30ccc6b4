package repair

import (
	"context"
	"time"

	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// originShare is the share of the search's time that finding the commit may take.
const originShare = 0.3

// findOrigin finds the commit since the base that introduced the failures, by bisection: each
// step runs the failing tests on the export of a commit. Like git bisect, it assumes that tests
// keep failing once they fail. If the commit is a merge, it checks whether the merged branch
// fails on its own; if not, the merge is the origin.
//
// It does nothing for uncommitted changes.
func (r *run) findOrigin(ctx context.Context) error {
	head, ok := r.opt.Subject.Source.Revision()
	if !ok || r.base == "" {
		return nil
	}
	defer r.clock.start("localize")()
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(float64(time.Until(deadline))*originShare))
	defer cancel()
	commits, err := r.opt.Subject.Repo.Between(ctx, r.base, head)
	if err != nil {
		return err
	}
	b := &bisection{run: r, left: commits}
	if len(commits) > 1 {
		if err := b.halve(ctx); err != nil {
			return err
		}
	}
	if len(b.left) != 1 {
		return nil
	}
	origin, err := r.opt.Subject.Repo.Info(ctx, b.left[0])
	if err != nil {
		return err
	}
	if len(origin.Parents) == 2 {
		if origin, err = b.enter(ctx, origin); err != nil {
			return err
		}
	}
	if len(commits) > 1 || b.tested > 0 {
		r.report.Origin = &report.Origin{
			Commit: origin.Hash, Subject: origin.Subject, Author: origin.Author, Merge: len(origin.Parents) > 1, CommitsTested: b.tested, CommitsTotal: b.of + len(commits),
		}
	}
	return nil
}

// bisection is a search for the first bad commit of a range, the last of which is bad.
type bisection struct {
	run    *run
	left   []string
	tested int // commits whose tests ran
	of     int // commits of branches that were entered
}

// halve reduces left to the first bad commit.
func (b *bisection) halve(ctx context.Context) error {
	for len(b.left) > 1 {
		middle := (len(b.left) - 1) / 2
		bad, err := b.bad(ctx, b.left[middle])
		if err != nil {
			return err
		}
		if bad {
			b.left = b.left[:middle+1]
		} else {
			b.left = b.left[middle+1:]
		}
	}
	return nil
}

// enter finds the first bad commit of the branch that a bad merge brought in, if the branch is
// bad on its own.
func (b *bisection) enter(ctx context.Context, merge repo.Info) (repo.Info, error) {
	bad, err := b.bad(ctx, merge.Parents[1])
	if err != nil || !bad {
		return merge, err
	}
	fork, err := b.run.opt.Subject.Repo.MergeBase(ctx, merge.Parents[0], merge.Parents[1])
	if err != nil || fork == "" {
		return merge, err
	}
	branch, err := b.run.opt.Subject.Repo.Between(ctx, fork, merge.Parents[1])
	if err != nil || len(branch) == 0 {
		return merge, err
	}
	b.of += len(branch)
	b.left = branch
	if err := b.halve(ctx); err != nil {
		return merge, err
	}
	return b.run.opt.Subject.Repo.Info(ctx, b.left[0])
}

// bad reports whether any of the tests fails at a commit. It does not run a tree that passed
// before.
func (b *bisection) bad(ctx context.Context, commit string) (bool, error) {
	info, err := b.run.opt.Subject.Repo.Info(ctx, commit)
	if err != nil {
		return false, err
	}
	if passed := b.run.opt.Hooks.Passed; passed != nil && passed(info.Tree) {
		return false, nil
	}
	b.tested++
	fresh := make(map[*project][]testrun.Failure)
	for _, p := range b.run.projects {
		if len(p.fresh) > 0 {
			fresh[p] = p.fresh
		}
	}
	failing, err := b.run.failingAt(ctx, commit, fresh)
	for _, tests := range failing {
		for _, fails := range tests {
			if fails {
				return true, err
			}
		}
	}
	return false, err
}
