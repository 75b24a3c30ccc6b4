package propose

import (
	"cmp"
	"context"
	"go/ast"
	"slices"
)

// function is a suspicious function as templates see it.
type function struct{ *Function }

// emit takes all the options of one site at once: their weights are turned into
// probabilities, so that a site with many options does not outweigh one with few.
type emit func(at ast.Node, options []option) bool

// template is the body of a template strategy: it looks at one function.
type template func(f *function, out emit)

// perFunction makes a strategy's Propose of a template.
func perFunction(t template) func(context.Context, *Problem, func(Candidate) bool) error {
	return func(ctx context.Context, p *Problem, yield func(Candidate) bool) error {
		functions, err := Functions(ctx, p)
		for _, suspect := range functions {
			f := &function{suspect}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			open := true
			t(f, func(at ast.Node, options []option) bool {
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

// maxPerSite bounds the options of one strategy at one site.
const maxPerSite = 1200

// yieldSite turns the options of one site into candidates.
func (f *function) yieldSite(at ast.Node, options []option, yield func(Candidate) bool) bool {
	total := 0.0
	for _, o := range options {
		total += o.weight
	}
	total = max(total, 1) // a site with nothing but unlikely options stays unlikely
	suspicion := f.suspicion(at)
	if suspicion == 0 {
		return true
	}
	if len(options) > maxPerSite {
		slices.SortStableFunc(options, func(a, b option) int { return cmp.Compare(b.weight, a.weight) })
		options = options[:maxPerSite]
	}
	for _, o := range options {
		ok := yield(Candidate{
			Title: o.title, Edits: o.edits, Suspicion: suspicion, Prior: o.weight / total,
			Removed: o.removed, Alike: o.alike, Review: o.review, Hole: f.p.hole(o.hole), Whole: o.whole,
		})
		if !ok {
			return false
		}
	}
	return true
}
