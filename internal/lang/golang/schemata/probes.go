package schemata

import (
	"go/ast"
	"go/token"
	"slices"
	"sync"

	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
)

// Code that the failing tests do not reach before they fail cannot be the cause. So the first
// pool of a package has a probe at the start of each stretch of its functions, and candidates
// in stretches that no failing test reached in time are not even type-checked. A stretch runs
// from the start of a block, or from the end of a statement that contains blocks, to the next
// such place. So if a test reaches any of it, it reaches its start.

// stretch is a range of a file's text with a probe at its start.
type stretch struct {
	start, end int
	number     int // of the probe
	reached    bool
}

// maxProbes is how many probes package testing has room for; see pool/pool.go.
const maxProbes = 1 << 16

// stretchesOf returns the stretches of a function, outer ones before inner ones.
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
	if jumps(decl.Body) { // a goto may enter a stretch in the middle
		return out[:1:1]
	}
	return out
}

// holdsBlocks reports whether a statement contains blocks, and so may end without the code
// after it being reached, or without all of its own code having run.
func holdsBlocks(s ast.Stmt) bool {
	switch s.(type) {
	case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt, *ast.BlockStmt, *ast.LabeledStmt:
		return true
	}
	return false
}

// jumps reports whether a function contains a goto.
func jumps(body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		branch, ok := n.(*ast.BranchStmt)
		found = found || ok && branch.Tok == token.GOTO
		return !found
	})
	return found
}

// probeResults records which stretches the failing tests reach.
type probeResults struct {
	mu    sync.Mutex
	files map[string][]stretch
	off   bool
}

// cover reports whether the file was probed, or need not be.
func (r *probeResults) cover(file string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.off || r.files[file] != nil
}

// disable discards all results, and makes misses return false from now on.
func (r *probeResults) disable() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files, r.off = nil, true
}

// record records which probes of a program were reached.
func (r *probeResults) record(probes map[string][]stretch, reached []int) {
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

// misses reports whether the failing tests reach nothing that a candidate changes: each edit
// is in a stretch that was not reached.
func (r *probeResults) misses(c *propose.Candidate) bool {
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
