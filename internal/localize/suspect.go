package localize

// Evidence is one kind of reason to suspect a place.
type Evidence string

// The kinds of evidence.
const (
	Changed  Evidence = "changed"  // the line was changed since the base
	Coverage Evidence = "coverage" // failing tests run it more than passing ones (Ochiai)
	Stack    Evidence = "stack"    // a panic or a failure's stack goes through it
	Compiler Evidence = "compiler" // a compile error names it
	Calls    Evidence = "calls"    // the failing test calls it
)

// Suspect is a source range with its suspiciousness.
type Suspect struct {
	File       string // slash-separated, relative to the tree's root
	Start, End int    // lines, both included
	Score      float64
	Why        []Reason
}

// Reason is one piece of evidence against a suspect.
type Reason struct {
	Evidence Evidence
	Strength float64 // 0 to 1, before weighting
	Text     string  // as reports show it
}
