package propose

import (
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
)

// Key identifies edits by their result, see Candidate.Key. Edits with the same result have
// the same key.
//
// Offsets are those of the tree without the patches kept so far, unless these patches touch
// the place. So runs that have kept different patches have the same key for the same edit of
// another function.
func (t *Tree) Key(edits []Edit) uint64 {
	h := fnv.New64a()
	for _, e := range edits {
		src, err := t.Read(e.File)
		if err != nil {
			src = nil // the edit creates the file
		}
		start, end, text := shrink(src, e)
		start, end, where := t.rewritten(e.File, src).original(start, end)
		if e.Remove {
			where += "removed"
		}
		fmt.Fprintf(h, "%s\x00%d\x00%d\x00%s\x00%s\x00", e.File, start, end, where, text)
	}
	return h.Sum64()
}

// rewrite is the range of a file that kept patches have written, and by how many bytes they
// made the file longer.
type rewrite struct{ start, end, growth int }

// original returns a range of the file as it was before the rewrite. A range that the rewrite
// touches stays the same, and where says so.
func (c *rewrite) original(start, end int) (wasStart, wasEnd int, where string) {
	switch {
	case c == nil || end <= c.start:
		return start, end, ""
	case start >= c.end:
		return start - c.growth, end - c.growth, ""
	}
	return start, end, "kept"
}

// rewritten compares a file with its content before any patch was kept. It returns nil if
// that is the same.
func (t *Tree) rewritten(file string, now []byte) *rewrite {
	if _, changed := t.Overlay[file]; !changed {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.rewrites[file]; ok {
		return c
	}
	var c *rewrite
	if was, err := os.ReadFile(filepath.Join(t.Root, filepath.FromSlash(file))); err == nil {
		head, tail := 0, 0
		for head < min(len(was), len(now)) && was[head] == now[head] {
			head++
		}
		for tail < min(len(was), len(now))-head && was[len(was)-1-tail] == now[len(now)-1-tail] {
			tail++
		}
		c = &rewrite{start: head, end: len(now) - tail, growth: len(now) - len(was)}
	}
	if t.rewrites == nil {
		t.rewrites = make(map[string]*rewrite)
	}
	t.rewrites[file] = c
	return c
}
