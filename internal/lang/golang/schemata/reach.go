package schemata

import (
	"go/ast"
	"go/token"
	"slices"
	"sync"

	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
)

// What the failing tests do not get to before they fail cannot be why they do. So the
// first pool of a package has a probe at the head of each stretch of its functions, and
// what is proposed for stretches that no failing test reached in time is not even
// type-checked. A stretch runs from the beginning of a block, or from behind a
// statement that holds blocks, to the next such place: either all of it is reached, or
// its beginning is and something ended it.

// stretch is a range of a file's text that a probe speaks for.
type stretch struct {
	start, end int
	number     int // of the probe
	reached    bool
}

// maxProbes is how many probes package testing has room for; see pool/pool.go.
const maxProbes = 1 << 16

// stretchesOf lists the stretches of a function, outer ones before inner ones.
func stretchesOf(file *source.File, decl *ast.FuncDecl) []stretch {
	var out []stretch
	for _, b := range blocksOf(file, decl) {
		start := b.start
		for i, s := range b.list {
			if i+1 < len(b.list) && holdsBlocks(s) {
				next := file.Offset(b.list[i+1].Pos())
				out = append(out, stretch{start: start, end: next})
				start = next
			}
		}
		out = append(out, stretch{start: start, end: b.end})
	}
	if jumps(decl.Body) { // into the midst of stretches
		return out[:1:1]
	}
	return out
}

// holdsBlocks reports whether a statement may be left other than by its end, or by its
// end without all of it having run.
func holdsBlocks(s ast.Stmt) bool {
	switch s.(type) {
	case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt, *ast.BlockStmt, *ast.LabeledStmt:
		return true
	}
	return false
}

func jumps(body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		branch, ok := n.(*ast.BranchStmt)
		found = found || ok && branch.Tok == token.GOTO
		return !found
	})
	return found
}

// reach is what is known of where the failing tests get to.
type reach struct {
	mu    sync.Mutex
	files map[string][]stretch
	off   bool
}

// knows reports whether the file was probed, or need not be.
func (r *reach) knows(file string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.off || r.files[file] != nil
}

// forget has nothing missed from now on.
func (r *reach) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files, r.off = nil, true
}

// learn takes over which probes of a program were reached.
func (r *reach) learn(probes map[string][]stretch, reached []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off {
		return
	}
	if r.files == nil {
		r.files = make(map[string][]stretch)
	}
	for file, stretches := range probes {
		known := slices.Clone(stretches)
		for i := range known {
			_, known[i].reached = slices.BinarySearch(reached, known[i].number)
		}
		r.files[file] = known
	}
}

// misses reports whether a candidate changes nothing that the failing tests get to: each
// edit is in a stretch that was not reached.
func (r *reach) misses(c *propose.Candidate) bool {
	if c.Whole {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range c.Edits {
		var inner *stretch
		for i, s := range r.files[e.File] {
			if s.start <= e.Start && e.End <= s.end && (inner == nil || s.end-s.start <= inner.end-inner.start) {
				inner = &r.files[e.File][i]
			}
		}
		if inner == nil || inner.reached {
			return false
		}
	}
	return true
}
