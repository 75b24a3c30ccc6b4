// Package compile holds the strategies for code that does not compile, imports among them.
//
// Each error of the type checker has a few remedies, by its kind. A remedy is tried by
// checking the package again with it. Since a package with several errors compiles only
// when all of them are gone, each candidate is one remedy under examination together with
// the best remedy for every error that is left.
//
// Goals: a strategy is a file, and a table of fixers says which errors it has remedies for;
// a candidate compiles.
//
// Not a goal: whether the tests pass, which is for package validate.
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

// compileShare is the share of every strategy here: the error says which of them
// fits, and the prior of the candidate how well.
const compileShare = 30

// Strategies repair code that does not compile.
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

// fixers is what can be done about which kind of error. Of equally likely remedies the
// earlier one is tried first.
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

// remediesOf makes the Propose of a strategy: its remedies for each cause.
func remediesOf(strategy string) func(context.Context, *propose.Problem, func(propose.Candidate) bool) error {
	return func(ctx context.Context, p *propose.Problem, yield func(propose.Candidate) bool) error {
		return proposeRemedies(ctx, p, strategy, yield)
	}
}

// remedy is one way to make an error go away.
type remedy struct {
	site.Option
	strategy string
}

// cause is the errors that one remedy should end together: the same unknown name,
// calls of the same function.
type cause struct {
	st    *state
	sites []*errorSite
	found []remedy // nil until asked for
}

// solution is how far a state can be brought.
type solution struct {
	files  map[string][]byte
	left   int // errors
	prior  float64
	titles []string
}

const (
	maxCauses       = 12  // of one state
	maxRemedies     = 12  // of one cause that get a candidate of their own
	maxCompletions  = 5   // remedies tried for each cause that is left
	maxRounds       = 12  // causes that one candidate may remove
	maxTypeChecks   = 600 // of one problem
	unfinishedPrior = 0.2
)

// proposeRemedies yields the remedies of one strategy for each cause, completed.
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

// candidate completes a remedy for the state that fails; it is not ok when
// nothing gets better by it.
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

// edits returns the difference between the tree and files.
func (c *compilation) edits(files map[string][]byte) []propose.Edit {
	var out []propose.Edit
	for _, name := range slices.Sorted(maps.Keys(files)) {
		src, err := c.p.Tree.Read(name)
		if err != nil {
			continue
		}
		out = append(out, propose.Between(name, src, formatted(src, files[name]))...)
	}
	return out
}

// formatted is the new content as gofmt writes it, when the old one was so too.
func formatted(old, new []byte) []byte {
	if b, err := format.Source(old); err != nil || !bytes.Equal(b, old) {
		return new
	}
	if b, err := format.Source(new); err == nil {
		return b
	}
	return new
}

// with is the state after further edits; nil when they do not fit together.
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

// hash identifies a state by its content.
func hash(files map[string][]byte) string {
	h := fnv.New128a()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s\x00%d\x00", name, len(files[name]))
		h.Write(files[name])
	}
	return string(h.Sum(nil))
}

// solve removes one cause after the other by the remedy that leaves the fewest
// errors, as long as there is one that helps. only limits the strategies.
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

// step finds the first cause that has a remedy that helps, and its best remedy.
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

// kind is equal for the same cause in different states.
func (cs *cause) kind() string {
	at := cs.sites[0]
	in := ""
	if at.Decl != nil {
		in = at.Decl.Name.Name
	}
	return fmt.Sprint(at.File.Name, in, at.err.code, at.err.msg)
}

// try checks edits and returns the state when it has fewer than limit errors.
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

// causes groups the errors of a state, in their order.
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

// editable keeps the sites that may be edited.
func (cs *cause) editable() []*errorSite {
	var out []*errorSite
	for _, at := range cs.sites {
		if at.editable() {
			out = append(out, at)
		}
	}
	return out
}

// fixed reports whether some site stands where nothing may be edited, so that the
// declaration must change.
func (cs *cause) fixed() bool { return len(cs.editable()) < len(cs.sites) }

// remedies collects what every fixer has for this kind of error, the likeliest
// first. Remedies that touch what may not be edited are left out.
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

// fixer knows remedies for some kinds of errors.
type fixer struct {
	strategy string
	codes    []errorCode
	fix      func(context.Context, *cause) []site.Option
}
