// Package propose turns suspects into candidate patches.
//
// A strategy is one way to propose: a documented value in a table, see lang.Strategies. It
// reads a Problem and yields Candidates; it does not run tests, write files or know of other
// strategies. This package orders the candidates: the most promising for the time that a
// test takes comes first.
//
// A strategy that is slow or uses a network says so in its Cost. It works on a snapshot of
// the problem, alongside the search, and an Intake admits its candidates.
//
// Non-goal: judging candidates (package validate).
package propose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"

	"github.com/regreen-ci/regreen/internal/align"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// Problem is the input of a strategy: the failures of one cluster, the suspects and the
// tree. It is not safe for concurrent use, but its functions and Source are, since snapshots
// share them.
type Problem struct {
	Tree     *Tree
	Failures []testrun.Failure
	Suspects []localize.Suspect
	Changes  []patch.File // from the base to the tree; empty without a base
	// Editable reports whether a file may be edited to make tests pass; nil allows all.
	Editable func(file string) bool
	// TestCode reports whether a file belongs to the tests; nil means that no file does.
	TestCode func(file string) bool
	// Green reports whether the failing tests pass with the given files. Strategies that
	// search by testing (revert) use it. It may be nil.
	Green func(ctx context.Context, files map[string][]byte) (bool, error)
	// Emptied returns what must stay of a file that a patch removes, in languages where a
	// package cannot lose a file; nil removes the file.
	Emptied func(file string, src []byte) []byte
	// Parts returns the syntax of a file down to its tokens, or nil if it has none; nil takes every
	// file for lines of tokens.
	Parts func(file string, src []byte) *align.Part
	// Source is the language's own view of Tree: its syntax, its types. The language's
	// strategies know its type.
	Source any
	// Spend is called with the dollars that a strategy has spent, each time it spends some. It
	// may be nil; see Spent.
	Spend func(dollars float64)
	// Memo caches values that strategies share.
	Memo Memo

	round   int // of suspects, see Suspect
	index   *localize.Index
	seen    map[uint64]bool  // keys of the candidates proposed so far
	holes   map[string]*Hole // by their edits
	share   float64          // see Suspect; 0 means 1
	culprit *culprit         // nil before it was searched for
}

// Suspicion returns the score of the most suspicious line of a range, 0 to 1.
func (p *Problem) Suspicion(file string, start, end int) float64 {
	if p.index == nil {
		p.index = localize.NewIndex(p.Suspects)
	}
	return p.index.Max(file, start, end)
}

// Edit replaces the bytes [Start, End) of a file with New. Offsets are those of the file's
// current content.
type Edit struct {
	File       string // slash-separated, relative to the tree's root
	Start, End int
	New        string
	Remove     bool // remove the file; the edit covers the whole file and is the only one
}

// Candidate is one proposed patch.
type Candidate struct {
	ID       string // of the attempt in the ledger, set with the verdict
	Strategy string
	Title    string // what it does
	Edits    []Edit // sorted by file and start, not overlapping
	Line     int    // of the first edit

	Suspicion float64 // of the place, 0 to 1
	// Prior is how likely the candidate is among those of its strategy, apart from its place.
	// A strategy sets it relative to the other candidates of a place; Generate scales it so
	// that suspicion times prior adds up to 1.
	Prior   float64
	Removed float64 // share of behavior, or of the user's change, that it removes: 0 none, 1 a whole statement or more
	Alike   float64 // similarity to the surrounding code: 1 if it is from the same function
	Review  bool    // may pass tests without being right, so a person must look
	Hole    *Hole   // set if other candidates differ from it only by a condition
	Whole   bool    // changes more than function bodies and needs a build of its own
	// Includes are the keys of candidates that do a part of what this one does. If one of them
	// passes, this one does more than necessary: see Excessive.
	Includes  []uint64
	Excessive bool    // it includes a candidate that is plausible
	Origin    *Origin // where it came from, if the strategy's name does not say all

	Score float64 // set by Order
	// Key identifies what the candidate does to the tree before any patch was kept: the same
	// edits have the same key, whichever strategy proposes them, on any machine.
	Key uint64

	promise float64 // from the prior alone
}

// Hole is a place for a condition, which many candidates share that differ only by the
// condition. Finding out whether any condition there can fix the failing tests is cheaper
// than finding the condition (Long and Rinard, "Staged program repair with condition
// synthesis", 2015).
type Hole struct {
	Edits  []Edit // with a call that the language's screener knows in place of the condition
	Answer Answer
}

// Answer says whether any condition in a hole can make the failing tests pass.
type Answer int

// The answers. No is not certain: not all sequences of decisions are tried.
const (
	Unknown Answer = iota
	Yes
	No
)

// Chance returns Score, adjusted by what is known about the candidate's hole.
func (c *Candidate) Chance() float64 { return c.Score * c.Hole.promise() }

// promise returns how much likelier the answer makes a hole's candidates: about one wrong
// hole in twenty has a sequence of decisions that passes, and for one right hole in five none
// is found.
func (h *Hole) promise() float64 {
	switch {
	case h == nil || h.Answer == Unknown:
		return 1
	case h.Answer == Yes:
		return 0.8 / 0.05
	default:
		return 0.2 / 0.95
	}
}

// File returns the file of the first edit.
func (c *Candidate) File() string { return c.Edits[0].File }

// Files returns the content of every file that the candidate changes, nil for those that it
// removes.
func (c *Candidate) Files(t *Tree) (map[string][]byte, error) {
	out := make(map[string][]byte, 1)
	for i := 0; i < len(c.Edits); {
		j := i
		for j < len(c.Edits) && c.Edits[j].File == c.Edits[i].File {
			j++
		}
		file := c.Edits[i].File
		src, err := t.Read(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		dst, err := Splice(src, c.Edits[i:j])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if out[file] = dst; c.Edits[i].Remove {
			out[file] = nil
		}
		i = j
	}
	return out, nil
}

// Splice applies edits, sorted and not overlapping, to src. It ignores their File.
func Splice(src []byte, edits []Edit) ([]byte, error) {
	var b strings.Builder
	at := 0
	for _, e := range edits {
		if e.Start < at || e.End < e.Start || e.End > len(src) {
			return nil, fmt.Errorf("edit [%d,%d) does not fit a file of %d bytes", e.Start, e.End, len(src))
		}
		b.Write(src[at:e.Start])
		b.WriteString(e.New)
		at = e.End
	}
	b.Write(src[at:])
	return []byte(b.String()), nil
}

// Strategy is one way to propose.
type Strategy struct {
	Language string // set by lang.Strategies; "" means every language
	Name     string // "imports", "template/guard" ...
	Title    string // what it proposes: one line, imperative
	Text     string // when it applies, what it looks at, and why to review it; lines of at most 80 bytes
	// Before and After are a small example: source without a package clause.
	Before, After string
	// Share is the percentage of real fixes that have this form. It is the mean of the
	// strategy's prior. See ShareBasis.
	Share    float64
	Measured bool // Share was counted, not estimated
	// Kinds are the failures that it can help with; nil means every kind of a test that ran.
	Kinds []testrun.Kind
	// First strategies propose few candidates, which are tested before those of other strategies.
	First bool
	// LastResort strategies run only if no other strategy found a verified patch.
	LastResort bool
	// RevertsIntent says that its patches undo a part of what someone wanted. They are applied
	// only if the user asks for it, and the report names the culprit whatever patch is found.
	RevertsIntent bool
	// Cost is the expected cost of a call of Propose or Refine. It decides whether the
	// strategy runs within the search or alongside it; see Asynchronous.
	Cost    Cost
	Propose func(ctx context.Context, p *Problem, yield func(Candidate) bool) error
	// Refine, if set, is called if all candidates of an asynchronous strategy were rejected and
	// there is still time. It gets the rejected candidates and yields like Propose.
	Refine func(ctx context.Context, p *Problem, rejected []Rejected, yield func(Candidate) bool) error
	// Sole, if set, proposes the complete fix of failures that only this strategy can fix. It
	// runs before the search and returns candidates like Generate, with strategy, key and line.
	Sole func(ctx context.Context, p *Problem) ([]Candidate, error)
}

// Applies reports whether the strategy can help with a failure of this kind.
func (s *Strategy) Applies(kind testrun.Kind) bool {
	if s.Kinds == nil {
		return !kind.Unbuilt()
	}
	return slices.Contains(s.Kinds, kind)
}

// relative reports whether the priors of the strategy's candidates only compare them with one
// another. A strategy for certain kinds of failure sets absolute priors.
func (s *Strategy) relative() bool { return s.Kinds == nil }

// maxPerStrategy bounds what one strategy may yield, so that none can fill the memory or
// crowd out the others.
const maxPerStrategy = 40_000

// Generate collects the candidates of strategies without duplicates: of those with the same
// result, only the likeliest stays. The error of a strategy is in errs and does not stop the
// others.
func Generate(ctx context.Context, p *Problem, strategies []Strategy) (cands []Candidate, errs []error) {
	if p.seen == nil {
		p.seen = make(map[uint64]bool)
	}
	best := make(map[uint64]int) // result -> index in cands
	for _, s := range strategies {
		start := len(cands)
		n := 0
		err := s.Propose(ctx, p, func(c Candidate) bool {
			if ctx.Err() != nil || n >= maxPerStrategy {
				return false
			}
			c.Strategy = s.Name
			if p.admit(&c) != "" {
				return true
			}
			n++
			cands = append(cands, c)
			return true
		})
		if err != nil && ctx.Err() == nil {
			errs = append(errs, fmt.Errorf("strategy %s: %w", s.Name, err))
		}
		if s.relative() {
			normalize(cands[start:], p.share)
		}
		share := max(s.Share, 0.1)
		for i := start; i < len(cands); i++ {
			cands[i].promise = share * cands[i].Suspicion * cands[i].Prior
			if j, ok := best[cands[i].Key]; !ok || cands[i].promise > cands[j].promise {
				best[cands[i].Key] = i
			}
		}
	}
	unique := cands[:0]
	for i, c := range cands {
		if best[c.Key] == i {
			p.seen[c.Key] = true
			unique = append(unique, c)
		}
	}
	return unique, errs
}

// normalize makes suspicion times prior a probability over the candidates of one strategy.
// Otherwise a strategy with many sites would crowd out one with few: there are hundreds of
// expressions to replace but only a handful of conditions to extend, and fixes extend
// conditions more often.
func normalize(cands []Candidate, share float64) {
	if share == 0 {
		share = 1
	}
	total := 0.0
	for _, c := range cands {
		total += c.Suspicion * c.Prior
	}
	for i := range cands {
		if total > 0 {
			cands[i].Prior *= share / total
		}
	}
}

// Why a candidate is not admitted.
const (
	noEdit      = "it has no edit"
	notEditable = "it edits a file that may not be edited"
	misplaced   = "an edit does not fit the file"
	noChange    = "an edit changes nothing"
	duplicate   = "it was proposed before"
)

// admit sets the key and the line of a candidate, or returns why it is not admitted: it edits
// a protected file, changes nothing, or has the same result as an earlier candidate.
func (p *Problem) admit(c *Candidate) (why string) {
	if len(c.Edits) == 0 {
		return noEdit
	}
	slices.SortFunc(c.Edits, byPlace)
	for i, e := range c.Edits {
		if !p.MayEdit(e.File) {
			return notEditable
		}
		if i > 0 && e.File == c.Edits[i-1].File && (e.Start < c.Edits[i-1].End || e.Remove || c.Edits[i-1].Remove) {
			return misplaced
		}
		src, err := p.Tree.Read(e.File)
		if errors.Is(err, fs.ErrNotExist) && e.Start == 0 && e.End == 0 {
			err = nil // the edit creates the file, such as one that was deleted or moved
		}
		if err != nil || e.Start < 0 || e.End > len(src) || e.Start > e.End {
			return misplaced
		}
		if e.Remove && (e.Start > 0 || e.End < len(src) || e.New != "") {
			return misplaced
		}
		if string(src[e.Start:e.End]) == e.New && !e.Remove {
			return noChange
		}
	}
	c.Key = p.Tree.Key(c.Edits)
	if p.seen[c.Key] {
		return duplicate
	}
	if c.Line == 0 {
		src, _ := p.Tree.Read(c.File())
		c.Line = 1 + strings.Count(string(src[:c.Edits[0].Start]), "\n")
	}
	return ""
}

func byPlace(a, b Edit) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Start, b.Start))
}

// MayEdit reports whether a file may be edited: it is not a test and not a helper of tests.
func (p *Problem) MayEdit(file string) bool {
	return (p.Editable == nil || p.Editable(file)) && (p.TestCode == nil || !p.TestCode(file))
}

// Hole returns the hole that edits make, the same one for the same edits.
func (p *Problem) Hole(edits []Edit) *Hole {
	if len(edits) == 0 {
		return nil
	}
	if p.holes == nil {
		p.holes = make(map[string]*Hole)
	}
	key := fmt.Sprintf("%#v", edits)
	if p.holes[key] == nil {
		p.holes[key] = &Hole{Edits: edits}
	}
	return p.holes[key]
}

// Repairable leaves out the suspects in files that may not be edited.
func (p *Problem) Repairable(suspects []localize.Suspect) []localize.Suspect {
	return slices.DeleteFunc(slices.Clone(suspects), func(s localize.Suspect) bool { return !p.MayEdit(s.File) })
}

// shrink returns an edit without the text that it shares with what it replaces, so that edits
// with the same result are equal.
func shrink(src []byte, e Edit) (start, end int, text string) {
	start, end, text = e.Start, e.End, e.New
	for start < end && text != "" && src[start] == text[0] {
		start++
		text = text[1:]
	}
	for end > start && text != "" && src[end-1] == text[len(text)-1] {
		end--
		text = text[:len(text)-1]
	}
	// A pure insertion or deletion can slide over equal text: move it as far left as possible.
	for text == "" && start < end && start > 0 && src[start-1] == src[end-1] {
		start--
		end--
	}
	for start == end && text != "" && start > 0 && src[start-1] == text[len(text)-1] {
		text = string(src[start-1]) + text[:len(text)-1]
		start--
		end--
	}
	return start, end, text
}

// Order sorts candidates by what they promise for their cost: suspicion times the strategy's
// weight (a draw from its posterior, see package learn) times the candidate's prior, divided
// by the expected time of a test, and adjusted by what is known about its hole. Ties keep the
// order of generation, so that the same seed has the same order.
func Order(cands []Candidate, weight func(strategy string) float64, cost func(*Candidate) float64) {
	weights := make(map[string]float64)
	for i := range cands {
		c := &cands[i]
		w, ok := weights[c.Strategy]
		if !ok {
			w = weight(c.Strategy)
			weights[c.Strategy] = w
		}
		c.Score = c.Suspicion * w * c.Prior / cost(c)
	}
	sort.SliceStable(cands, func(i, j int) bool {
		return cands[i].Chance() > cands[j].Chance()
	})
}

// Suspect sets the suspects to work on. Candidates that were proposed for earlier suspects
// are not proposed again.
//
// Share is the share of these suspects in the suspicion of all suspects. A strategy's
// candidates add up to it, so that candidates for different suspects can be compared.
func (p *Problem) Suspect(suspects []localize.Suspect, share float64) {
	p.Suspects, p.index, p.share = suspects, nil, share
	p.round++
}

// Round returns how often the suspects were set: values computed from them are valid for one
// round.
func (p *Problem) Round() int { return p.round }
