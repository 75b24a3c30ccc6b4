// Package compile holds the strategies for code that does not compile, including those for
// imports.
//
// Each kind of type error has a few remedies. A remedy is tried by type-checking the package
// again with its edits. A package with several errors compiles only once all of them are
// fixed, so each candidate combines the remedy under test with the best remedy for every
// remaining error.
//
// Goals: one file per strategy, with a table of fixers that lists the errors it can fix;
// candidates compile.
//
// Non-goal: to check that the tests pass. Package validate does that.
package compile

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"go/format"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

var compileKinds = []testrun.Kind{testrun.Compile}

// compileShare is the share of every strategy here. The kind of error decides which
// strategies apply, and a candidate's prior how likely it is.
const compileShare = 30

// Strategies lists the strategies for code that does not compile, except Imports.
var Strategies = []propose.Strategy{
	renameStrategy,
	nameStrategy,
	signatureStrategy,
	argumentsStrategy,
	resultsStrategy,
	conversionStrategy,
	unusedStrategy,
	returnStrategy,
	assignStrategy,
	methodStrategy,
	restoreStrategy,
	qualifyStrategy,
}

// fixers lists the fixers of all strategies. Among equally likely remedies, the one whose
// fixer comes first is tried first.
var fixers = slices.Concat(
	importFixers,
	renameFixers,
	nameFixers,
	restoreFixers,
	qualifyFixers,
	signatureFixers,
	argumentsFixers,
	resultsFixers,
	conversionFixers,
	unusedFixers,
	returnFixers,
	assignFixers,
	methodFixers,
)

// remediesOf returns the Propose function of a strategy.
func remediesOf(strategy string) func(context.Context, *propose.Problem, func(propose.Candidate) bool) error {
	return func(ctx context.Context, p *propose.Problem, yield func(propose.Candidate) bool) error {
		return proposeRemedies(ctx, p, strategy, yield)
	}
}

// remedy is one way to fix an error.
type remedy struct {
	site.Option
	strategy string
}

// cause is a group of errors that one remedy should fix together, such as uses of the
// same unknown name or calls of the same function.
type cause struct {
	st    *state
	sites []*errorSite
	found []remedy // nil until remedies is called
}

// solution is the best that solve could make of a state.
type solution struct {
	files  map[string][]byte
	left   int // errors that remain
	prior  float64
	titles []string
}

const (
	maxCauses       = 12  // per state
	maxRemedies     = 12  // candidates per cause and strategy
	maxCompletions  = 5   // remedies tried for each remaining cause
	maxRounds       = 12  // causes that one candidate may fix
	maxTypeChecks   = 600 // per problem
	unfinishedPrior = 0.2
)

// proposeRemedies yields a candidate for each remedy of one strategy.
func proposeRemedies(ctx context.Context, p *propose.Problem, strategy string, yield func(propose.Candidate) bool) error {
	c, err := compilationOf(ctx, p)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cs := range c.base.causes() {
		remedies := cs.remedies(ctx)
		total := 0.0
		for _, r := range remedies {
			total += r.Weight
		}
		n := 0
		for _, r := range remedies {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if r.strategy != strategy || n == maxRemedies {
				continue
			}
			n++
			cand, ok := c.candidate(ctx, r, r.Weight/total)
			if ok && !yield(cand) {
				return nil
			}
		}
	}
	return ctx.Err()
}

// candidate combines a remedy with remedies for the remaining errors. It returns false if
// that does not reduce the number of errors.
func (c *compilation) candidate(ctx context.Context, r remedy, prior float64) (propose.Candidate, bool) {
	next := c.base.with(r.Edits)
	if next == nil {
		return propose.Candidate{}, false
	}
	done := next.solve(ctx, nil)
	next.drop()
	if done.left >= len(c.base.errs) {
		return propose.Candidate{}, false
	}
	prior *= done.prior
	if done.left > 0 {
		prior *= unfinishedPrior * float64(len(c.base.errs)-done.left) / float64(len(c.base.errs))
	}
	cand := propose.Candidate{
		Title: strings.Join(append([]string{r.Title}, done.titles...), "; "),
		Edits: c.edits(done.files), Suspicion: 1, Prior: prior,
		Removed: r.Removed, Alike: r.Alike, Review: r.Review, Whole: true,
	}
	return cand, len(cand.Edits) > 0
}

// edits returns the edits that turn the tree's files into files.
func (c *compilation) edits(files map[string][]byte) []propose.Edit {
	var out []propose.Edit
	for _, name := range slices.Sorted(maps.Keys(files)) {
		src, err := c.p.Tree.Read(name)
		if err != nil {
			continue
		}
		out = append(out, propose.LineEdits(name, src, formatted(src, files[name]))...)
	}
	return out
}

// formatted returns the new content, formatted by gofmt if the old content was.
func formatted(old, new []byte) []byte {
	if b, err := format.Source(old); err != nil || !bytes.Equal(b, old) {
		return new
	}
	if b, err := format.Source(new); err == nil {
		return b
	}
	return new
}

// with returns the state after further edits, or nil if they conflict.
func (s *state) with(edits []propose.Edit) *state {
	files := s.splice(edits)
	if files == nil {
		return nil
	}
	return s.c.check(files)
}

func (s *state) splice(edits []propose.Edit) map[string][]byte {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b propose.Edit) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Start, b.Start))
	})
	files := maps.Clone(s.files)
	if files == nil {
		files = make(map[string][]byte)
	}
	for i := 0; i < len(edits); {
		j := i
		for j < len(edits) && edits[j].File == edits[i].File {
			j++
		}
		src, err := s.read(edits[i].File)
		if err != nil {
			return nil
		}
		dst, err := propose.Splice(src, edits[i:j])
		if err != nil {
			return nil
		}
		files[edits[i].File] = dst
		i = j
	}
	return files
}

// hash returns a key for the content of files.
func hash(files map[string][]byte) string {
	h := fnv.New128a()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s\x00%d\x00", name, len(files[name]))
		h.Write(files[name])
	}
	return string(h.Sum(nil))
}

// solve fixes one cause after another, each with the remedy that leaves the fewest
// errors, until no remedy helps. If only is not nil, it selects the strategies to use.
func (s *state) solve(ctx context.Context, only func(strategy string) bool) *solution {
	key := hash(s.files)
	if done := s.c.solved[key]; done != nil && only == nil {
		return done
	}
	done := &solution{files: s.files, left: len(s.errs), prior: 1}
	at := s
	for range maxRounds {
		if len(at.errs) == 0 || ctx.Err() != nil {
			break
		}
		next, r, share := at.step(ctx, only)
		if next == nil {
			break
		}
		done.files, done.left = next.files, len(next.errs)
		done.prior *= share
		done.titles = append(done.titles, r.Title)
		if at != s {
			at.drop()
		}
		at = next
	}
	if at != s {
		at.drop()
	}
	if only == nil && ctx.Err() == nil {
		s.c.solved[key] = done
	}
	return done
}

// step applies the best remedy of the first cause that has one that helps. It returns
// the new state, the remedy and its share of the weight, or nil if nothing helps.
func (s *state) step(ctx context.Context, only func(string) bool) (*state, remedy, float64) {
	for _, cs := range s.causes() {
		var best *state
		var by remedy
		total, tries := 0.0, 0
		known := s.c.won[cs.kind()]
		for _, r := range cs.remedies(ctx) {
			total += r.Weight
			if r.Title == known && (only == nil || only(r.strategy)) {
				best, by = s.try(r.Edits, len(s.errs)), r
			}
		}
		for _, r := range cs.remedies(ctx) {
			if best != nil && by.Title == known {
				break
			}
			if tries == maxCompletions || ctx.Err() != nil || (only != nil && !only(r.strategy)) {
				continue
			}
			tries++
			next := s.try(r.Edits, len(s.errs))
			if next == nil {
				continue
			}
			if best == nil || len(next.errs) < len(best.errs) {
				if best != nil {
					best.drop()
				}
				best, by = next, r
			} else {
				next.drop()
			}
		}
		if best != nil {
			s.c.won[cs.kind()] = by.Title
			return best, by, by.Weight / total
		}
	}
	return nil, remedy{}, 0
}

// kind returns a key that is equal for the same cause in different states.
func (cs *cause) kind() string {
	at := cs.sites[0]
	in := ""
	if at.Decl != nil {
		in = at.Decl.Name.Name
	}
	return fmt.Sprint(at.File.Name, in, at.err.code, at.err.msg)
}

// try applies edits and returns the new state if it has fewer than limit errors.
func (s *state) try(edits []propose.Edit, limit int) *state {
	files := s.splice(edits)
	if files == nil {
		return nil
	}
	key := hash(files)
	if n, ok := s.c.tried[key]; ok && n >= limit {
		return nil
	}
	if len(s.c.tried) >= maxTypeChecks {
		return nil
	}
	next := s.c.check(files)
	s.c.tried[key] = len(next.errs)
	if len(next.errs) >= limit {
		next.drop()
		return nil
	}
	return next
}

// causes groups the errors of a state by cause, in order.
func (s *state) causes() []*cause {
	if s.grouped != nil {
		return s.grouped
	}
	var out []*cause
	byKey := make(map[string]*cause)
	for _, e := range s.errs {
		if e.file == nil || e.code == syntaxError {
			continue
		}
		at := s.site(e)
		key := at.key()
		cs := byKey[key]
		if cs == nil {
			if len(out) == maxCauses {
				continue
			}
			cs = &cause{st: s}
			byKey[key] = cs
			out = append(out, cs)
		}
		cs.sites = append(cs.sites, at)
	}
	s.grouped = out
	return out
}

func (s *state) editable(file string) bool {
	if strings.HasSuffix(file, "_test.go") {
		return false
	}
	return s.c.p.MayEdit(file)
}

// editable returns the sites that may be edited.
func (cs *cause) editable() []*errorSite {
	var out []*errorSite
	for _, at := range cs.sites {
		if at.editable() {
			out = append(out, at)
		}
	}
	return out
}

// readOnly reports whether one of the sites may not be edited, so that the declaration
// must change.
func (cs *cause) readOnly() bool { return len(cs.editable()) < len(cs.sites) }

// remedies collects the remedies of all fixers for this kind of error, the likeliest
// first. It leaves out those that edit a file that may not be edited.
func (cs *cause) remedies(ctx context.Context) []remedy {
	if cs.found != nil {
		return cs.found
	}
	out := []remedy{}
	for _, fx := range fixers {
		if !slices.Contains(fx.codes, cs.sites[0].err.code) {
			continue
		}
		for _, o := range fx.fix(ctx, cs) {
			foreign := func(e propose.Edit) bool { return !cs.st.editable(e.File) }
			if len(o.Edits) == 0 || o.Weight <= 0 || slices.ContainsFunc(o.Edits, foreign) {
				continue
			}
			out = append(out, remedy{Option: o, strategy: fx.strategy})
		}
	}
	slices.SortStableFunc(out, func(a, b remedy) int { return cmp.Compare(b.Weight, a.Weight) })
	seen := make(map[string]bool)
	out = slices.DeleteFunc(out, func(r remedy) bool {
		key := fmt.Sprint(r.Edits)
		again := seen[key]
		seen[key] = true
		return again
	})
	cs.found = out
	return out
}

// fixer finds remedies for some kinds of errors.
type fixer struct {
	strategy string
	codes    []errorCode
	fix      func(context.Context, *cause) []site.Option
}
