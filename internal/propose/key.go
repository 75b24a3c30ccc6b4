package propose

import (
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
)

// Key names edits by what they do, see Candidate.Key. Edits whose result is the same have
// the same key.
//
// Places are those of the tree without the patches kept so far, as far as these leave
// them alone: runs that have kept different patches name the same edit of another
// function alike.
func (t *Tree) Key(edits []Edit) uint64 {
	h := fnv.New64a()
	for _, e := range edits {
		src, err := t.Read(e.File)
		if err != nil {
			src = nil // a file that comes back
		}
		start, end, text := shrink(src, e)
		start, end, where := t.change(e.File, src).unmoved(start, end)
		if e.Remove {
			where += "removed"
		}
		fmt.Fprintf(h, "%s\x00%d\x00%d\x00%s\x00%s\x00", e.File, start, end, where, text)
	}
	return h.Sum64()
}

// change is what the kept patches have made of a file: the range of it that they have
// written, and how much longer it is than before.
type change struct{ start, end, longer int }

// unmoved gives the range of a file as it was before the change. One that the change
// touches is left as it is, and where says so.
func (c *change) unmoved(start, end int) (wasStart, wasEnd int, where string) {
	switch {
	case c == nil || end <= c.start:
		return start, end, ""
	case start >= c.end:
		return start - c.longer, end - c.longer, ""
	}
	return start, end, "kept"
}

// change compares a file with what it was before any patch was kept; nil when it is the
// same.
func (t *Tree) change(file string, now []byte) *change {
	if _, changed := t.Overlay[file]; !changed {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.changes[file]; ok {
		return c
	}
	var c *change
	if was, err := os.ReadFile(filepath.Join(t.Root, filepath.FromSlash(file))); err == nil {
		head, tail := 0, 0
		for head < min(len(was), len(now)) && was[head] == now[head] {
			head++
		}
		for tail < min(len(was), len(now))-head && was[len(was)-1-tail] == now[len(now)-1-tail] {
			tail++
		}
		c = &change{start: head, end: len(now) - tail, longer: len(now) - len(was)}
	}
	if t.changes == nil {
		t.changes = make(map[string]*change)
	}
	t.changes[file] = c
	return c
}
