// Package template holds the strategies that change one place of a suspicious function: a
// condition, an operand, a call, a statement.
//
// Each strategy is one file with the value that describes it and a template, which takes a
// function and emits the options of each of its sites. Strategies lists them.
//
// Goals: the forms that real fixes take, each with a realistic likelihood; edits that do
// not disturb the code around them.
//
// Non-goals: edits in several functions; running tests.
package template

import (
	"cmp"
	"context"
	"go/ast"
	"slices"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
)

// function adds the methods that templates share to a suspicious function.
type function struct{ *site.Function }

// emit takes all options of one site together. Their weights are turned into
// probabilities, so that a site with many options does not outweigh one with few. It
// returns false to stop.
type emit func(at ast.Node, options []site.Option) bool

// template emits the options of a strategy for each site of a function.
type template func(f *function, out emit)

// perFunction returns the Propose function of a strategy that runs a template on each
// suspicious function.
func perFunction(t template) func(context.Context, *propose.Problem, func(propose.Candidate) bool) error {
	return func(ctx context.Context, p *propose.Problem, yield func(propose.Candidate) bool) error {
		functions, err := site.Functions(ctx, p)
		for _, suspect := range functions {
			f := &function{suspect}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			open := true
			t(f, func(at ast.Node, options []site.Option) bool {
				open = open && f.yieldSite(at, options, yield)
				return open
			})
			if !open {
				break
			}
		}
		return err
	}
}

// maxPerSite limits the options of one strategy at one site.
const maxPerSite = 1200

// yieldSite turns the options of one site into candidates.
func (f *function) yieldSite(at ast.Node, options []site.Option, yield func(propose.Candidate) bool) bool {
	total := 0.0
	for _, o := range options {
		total += o.Weight
	}
	total = max(total, 1) // a site with only unlikely options stays unlikely
	suspicion := f.Suspicion(at)
	if suspicion == 0 {
		return true
	}
	if len(options) > maxPerSite {
		slices.SortStableFunc(options, func(a, b site.Option) int { return cmp.Compare(b.Weight, a.Weight) })
		options = options[:maxPerSite]
	}
	for _, o := range options {
		ok := yield(propose.Candidate{
			Title: o.Title, Edits: o.Edits, Suspicion: suspicion, Prior: o.Weight / total,
			Removed: o.Removed, Alike: o.Alike, Review: o.Review, Hole: f.Problem.Hole(o.Hole), Whole: o.Whole,
		})
		if !ok {
			return false
		}
	}
	return true
}
