package schemata

import (
	"context"
	"slices"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/validate"
)

// A test may read sources: compare a file with what is embedded of it, parse it, or build a
// program with the go command. It does not see the edit of a mutant, nor that of an overlay. So
// candidates in files that the failing tests read are written into the tree, one at a time.

// maxRead bounds how many candidates of a batch are written into the tree if it has others: each
// takes as long as a hundred mutants.
const maxRead = 10

// misleads reports whether the failing tests read what a mutant changes.
func (s *Screener) misleads(m mutant) bool {
	return s.reads.Builds || slices.ContainsFunc(m.Candidate.Edits, func(e propose.Edit) bool { return s.reads.Files[e.File] })
}

// setAside moves those of the mutants to b.read that mislead, and returns the others.
func (b *batch) setAside(mutants []mutant) []mutant {
	return slices.DeleteFunc(slices.Clone(mutants), func(m mutant) bool {
		misleads := b.s.misleads(m)
		if misleads && !slices.ContainsFunc(b.read, func(r mutant) bool { return r.ID == m.ID }) && b.result(m).Verdict != validate.IllTyped {
			b.read = append(b.read, m)
		}
		return misleads
	})
}

// runRead tests the mutants in files that the failing tests read, the best first.
func (b *batch) runRead(ctx context.Context) {
	mutants := bestFirst(b.read)
	if len(mutants) > maxRead && len(mutants) < len(b.results) {
		for _, m := range mutants[maxRead:] {
			r := b.result(m)
			r.Reason, r.Postponed = "the failing tests read its file, so it needs a build of its own", true
		}
		mutants = mutants[:maxRead]
	}
	plain := validate.Plain{Suite: b.s.opt.Suite, Tree: b.s.opt.Tree.Tree, Jobs: 1, OnDisk: true}
	for _, m := range mutants {
		if r := b.result(m); !m.Candidate.Whole && samePackage(m.Candidate) {
			if b.s.typeCheck(ctx, r); r.Verdict == validate.IllTyped {
				continue
			}
		}
		results, _ := plain.Screen(ctx, b.target, []propose.Candidate{*m.Candidate})
		if results[0].Verdict == validate.Pruned {
			return // no time left
		}
		results[0].Candidate = m.Candidate
		*b.result(m) = results[0]
	}
}
