// Package propose turns suspects into candidate patches.
//
// A strategy is one way to propose: a documented value in the table Strategies.
// Each reads a Problem and yields Candidates; none of them runs a test, writes a
// file or knows of the other strategies. Ordering is done here once for all: the
// most promising candidate for the time it costs to test comes first.
//
// A strategy that takes long or waits for a network says so in its Cost. It works on a
// snapshot of the problem, alongside the search, and what it yields comes in by an Intake.
//
// Not a goal: judging. Whether a candidate is any good is for package validate.
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

	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// Problem is what a strategy works on: the failures of one cluster, the places
// suspected of them, and the tree they stand in. It is not safe for concurrent use, but
// its functions and Source are: snapshots share them.
type Problem struct {
	Tree     *Tree
	Failures []testrun.Failure
	Suspects []localize.Suspect
	Changes  []patch.File // from the base to the tree; empty without a base
	// Editable reports whether a file may be edited to make tests pass; nil allows all.
	Editable func(file string) bool
	// TestCode reports whether a file belongs to the tests; nil for none.
	TestCode func(file string) bool
	// Green reports whether the failing tests pass when the files are as given;
	// strategies that search by testing (revert) use it. It may be nil.
	Green func(ctx context.Context, files map[string][]byte) (bool, error)
	// Emptied returns what stays of a file that a patch takes away, in languages where the
	// rest of a package must not miss it; nil removes the file.
	Emptied func(file string, src []byte) []byte
	// Source is the language's own view of Tree: its syntax, its types. The language's
	// strategies know its type.
	Source any
	// Spend is called with the dollars that a strategy has spent, each time it has. It may
	// be nil; see Spent.
	Spend func(dollars float64)
	// Memo is what strategies have worked out for one another.
	Memo Memo

	round    int // of suspects, see Suspect
	index    *localize.Index
	seen     map[uint64]bool             // results proposed already
	holes    map[string]*Hole            // by their edits
	share    float64                     // see Suspect; 0 means 1
	before   map[string]map[int][]string // see linesBefore
	searched *search                     // for the culprit
}

// Suspicion is the score of the most suspicious line of a range, 0 to 1.
func (p *Problem) Suspicion(file string, start, end int) float64 {
	if p.index == nil {
		p.index = localize.NewIndex(p.Suspects)
	}
	return p.index.Max(file, start, end)
}

// Edit replaces the bytes [Start, End) of a file by New. Offsets are those of the
// tree's present content.
type Edit struct {
	File       string // slash-separated, relative to the tree's root
	Start, End int
	New        string
	Remove     bool // the file, of which it is the only edit and replaces everything
}

// Candidate is one proposed patch.
type Candidate struct {
	ID       string // of the attempt in the ledger, set when it has a verdict
	Strategy string
	Title    string // what it does, for people
	Edits    []Edit // sorted by file and start, not overlapping
	Line     int    // of the first edit

	Suspicion float64 // of the place, 0 to 1
	// Prior is how likely this one is among those of its strategy, its place left
	// aside. A strategy gives it relative to the other candidates of a place;
	// Generate scales it so that suspicion times prior adds up to 1.
	Prior    float64
	Removed  float64 // share of behaviour it takes away: 0 none, 1 a whole statement or more
	Alike    float64 // likeness to the surrounding code: 1 when it is taken from the same function
	Review   bool    // passes tests by construction rather than by insight; a person must look
	Hole     *Hole   // of a candidate that only differs from others by a condition
	Whole    bool    // cannot be told from the tree function by function; needs a build of its own
	Restores bool    // a line is as it was at the base
	Origin   *Origin // where it came from, when the strategy's name does not say it all

	Score float64 // set by Order
	// Key names what it does to the tree as that was before any patch was kept: the same
	// for the same edits, whichever strategy proposes them, on any machine.
	Key uint64

	promise float64 // before anything was learnt
}

// Hole is a place where a condition decides what happens, and what many candidates
// have in common that differ by the condition only. Whether any condition there can
// mend the failing tests is cheaper to find out than which one (Long and Rinard,
// "Staged program repair with condition synthesis", 2015).
type Hole struct {
	Edits  []Edit // with a call in place of the condition, as the language's screener knows it
	Answer Answer
}

// Answer says whether any condition in a hole can make the failing tests pass.
type Answer int

// The answers. No is not certain: not every sequence of decisions was tried.
const (
	Unknown Answer = iota
	Yes
	No
)

// Chance is what Score is of a candidate, with what is known of its hole.
func (c *Candidate) Chance() float64 { return c.Score * c.Hole.promise() }

// promise is how much likelier a hole's candidates become by an answer: about one
// wrong hole in twenty has a sequence of decisions that passes, and for one right
// hole in five it is not found.
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

// File is the file of the first edit.
func (c *Candidate) File() string { return c.Edits[0].File }

// Files gives the content of every file that the candidate changes, nil for those that it
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

// Splice applies edits, sorted and not overlapping, to src; their File is not read.
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
	Language string // whose it is, see lang.Strategies; "" serves every language
	Name     string // "imports", "template/guard" ...
	Title    string // what it proposes: one line, imperative
	Text     string // when it applies, what it looks at, and why to review it; lines of at most 80 bytes
	// Before and After are a small example that it produces: source without a package clause.
	Before, After string
	// Share is how often real fixes are of this form, in percent; it is the mean of the
	// strategy's prior before anything was learnt. See ShareBasis.
	Share    float64
	Measured bool // Share was counted, not estimated
	// Kinds are the failures it can help with; nil means every kind of a test that ran.
	Kinds []testrun.Kind
	// LastResort strategies run only when the others found nothing verified.
	LastResort bool
	// RevertsIntent says that a patch undoes a part of what somebody wanted: it is never
	// applied unless a person asks for it, and the part that is to blame is named in the
	// report whatever patch is found.
	RevertsIntent bool
	// Cost is what a call of Propose or Refine is expected to take. It decides whether the
	// strategy runs within the search or alongside it; see Asynchronous.
	Cost    Cost
	Propose func(ctx context.Context, p *Problem, yield func(Candidate) bool) error
	// Refine, when set, is called when everything that an asynchronous strategy has yielded
	// was rejected and there is still time, with what came of it. It yields as Propose does.
	Refine func(ctx context.Context, p *Problem, rejected []Rejected, yield func(Candidate) bool) error
	// Sole, when set, proposes the complete fix of failures that this strategy alone can
	// fix. It is tried before anything is searched for, and returns candidates as Generate
	// does, with strategy, key and line.
	Sole func(ctx context.Context, p *Problem) ([]Candidate, error)
}

// Applies tells whether the strategy can help with a failure of this kind.
func (s *Strategy) Applies(kind testrun.Kind) bool {
	if s.Kinds == nil {
		return !kind.Unbuilt()
	}
	return slices.Contains(s.Kinds, kind)
}

// relative reports whether the priors of the strategy's candidates only compare them with
// one another. A strategy for certain kinds of failure says how likely each is by itself.
func (s *Strategy) relative() bool { return s.Kinds == nil }

// maxPerStrategy bounds what one strategy may yield, so that none can fill the
// memory or drown the others.
const maxPerStrategy = 40_000

// Generate collects the candidates of the given strategies, without duplicates
// (the same resulting text counts once in a problem, for the strategy that holds it
// likeliest).
// A strategy that fails is reported through errs and does not stop the others.
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
			if p.refusal(&c) != "" {
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
	kept := cands[:0]
	for i, c := range cands {
		if best[c.Key] == i {
			p.seen[c.Key] = true
			kept = append(kept, c)
		}
	}
	return kept, errs
}

// normalize makes suspicion times prior a probability over the candidates of one
// strategy. Without it a strategy with many sites would drown one with few: there
// are hundreds of expressions to replace, but only a handful of conditions to
// extend, and fixes extend conditions more often.
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
	refusedEmpty    = "it has no edit"
	refusedFile     = "it edits a file that may not be edited"
	refusedPlace    = "an edit does not fit the file"
	refusedSame     = "an edit changes nothing"
	refusedProposed = "it was proposed before"
)

// refusal is why a candidate is not admitted: it touches what must not be edited, changes
// nothing, or another candidate has its result already. A candidate that is admitted, for
// which it is "", gets its key and line.
func (p *Problem) refusal(c *Candidate) string {
	if len(c.Edits) == 0 {
		return refusedEmpty
	}
	slices.SortFunc(c.Edits, func(a, b Edit) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Start, b.Start))
	})
	for i, e := range c.Edits {
		if !p.MayEdit(e.File) {
			return refusedFile
		}
		if i > 0 && e.File == c.Edits[i-1].File && (e.Start < c.Edits[i-1].End || e.Remove || c.Edits[i-1].Remove) {
			return refusedPlace
		}
		src, err := p.Tree.Read(e.File)
		if errors.Is(err, fs.ErrNotExist) && e.Start == 0 && e.End == 0 {
			err = nil // a file that a deletion or a move took away comes back
		}
		if err != nil || e.Start < 0 || e.End > len(src) || e.Start > e.End {
			return refusedPlace
		}
		if e.Remove && (e.Start > 0 || e.End < len(src) || e.New != "") {
			return refusedPlace
		}
		if string(src[e.Start:e.End]) == e.New && !e.Remove {
			return refusedSame
		}
	}
	c.Key = p.Tree.Key(c.Edits)
	if p.seen[c.Key] {
		return refusedProposed
	}
	if c.Line == 0 {
		src, _ := p.Tree.Read(c.File())
		c.Line = 1 + strings.Count(string(src[:c.Edits[0].Start]), "\n")
	}
	c.Restores = p.restores(c)
	return ""
}

// MayEdit reports whether a file may be edited: no test, and nothing that tests call
// to judge.
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

// shrink gives an edit without the text it shares with what it replaces, so that
// edits with the same result look the same.
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
	// What is only inserted or only deleted can slide over equal text: take its leftmost
	// place.
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

// Order sorts candidates by what they promise for their cost: suspicion times the
// strategy's weight (a draw from its posterior, see package learn) times the
// candidate's own prior, over the expected seconds of a test, and what is known of
// its hole. Ties keep the order
// of generation, so that a seed gives the same order again.
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
		if c.Restores {
			c.Score *= Restored
		}
	}
	sort.SliceStable(cands, func(i, j int) bool {
		return cands[i].Chance() > cands[j].Chance()
	})
}

// Suspect sets the suspects to work on; what was proposed for others before is not
// proposed again.
//
// Share is their share of the suspicion of all: what a strategy's candidates add up
// to, so that those of different suspects compare.
func (p *Problem) Suspect(suspects []localize.Suspect, share float64) {
	p.Suspects, p.index, p.share = suspects, nil, share
	p.round++
}

// Round counts how often the suspects were set: what was worked out from them holds for
// one round.
func (p *Problem) Round() int { return p.round }
