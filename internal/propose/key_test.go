package propose

import (
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// Edits with the same result have the same key, however wide they are.
func TestKeyDependsOnTheResult(t *testing.T) {
	t.Parallel()
	letters := rapid.StringMatching(`[ab]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		before, old, now, after := letters.Draw(t, "before"), letters.Draw(t, "old"), letters.Draw(t, "new"), letters.Draw(t, "after")
		if now == old {
			return // it changes nothing and is not a candidate
		}
		src := before + old + after
		tree := &Tree{files: map[string][]byte{"a.go": []byte(src)}}
		narrow := tree.Key([]Edit{{File: "a.go", Start: len(before), End: len(before) + len(old), New: now}})
		whole := tree.Key([]Edit{{File: "a.go", Start: 0, End: len(src), New: before + now + after}})
		if narrow != whole {
			t.Errorf("two edits from %q to %q have different keys", src, before+now+after)
		}
		other := letters.Draw(t, "other")
		if other == old {
			return
		}
		if same := tree.Key([]Edit{{File: "a.go", Start: len(before), End: len(before) + len(old), New: other}}) == narrow; same != (other == now) {
			t.Errorf("from %q to %q and to %q: same key: %v", src, before+now+after, before+other+after, same)
		}
		if tree.Key([]Edit{{File: "b.go", Start: 0, End: 0, New: now}}) == narrow {
			t.Error("an edit of another file has the same key")
		}
	})
}

// An edit that kept patches do not touch has the same key with and without them.
func TestKeyIgnoresKeptPatches(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	const was = "package p\n\nvar a = 1\n\nvar b = 2\n\nvar c = 3\n"
	for name, text := range map[string]string{"p.go": was, "q.go": was} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const now = "package p\n\nvar a = 1\n\nvar b = 2222\nvar more = 5\n\nvar c = 3\n"
	first := &Tree{Root: root}
	then := &Tree{Root: root, Overlay: map[string][]byte{"p.go": []byte(now), "new.go": []byte("package p\n")}}
	at := func(text, what string) Edit {
		for i := range len(text) - len(what) {
			if text[i:i+len(what)] == what {
				return Edit{File: "p.go", Start: i, End: i + len(what), New: what[:len(what)-1] + "9"}
			}
		}
		t.Fatalf("no %q", what)
		return Edit{}
	}
	for _, what := range []string{"a = 1", "c = 3"} {
		if first.Key([]Edit{at(was, what)}) != then.Key([]Edit{at(now, what)}) {
			t.Errorf("the edit of %s has another key under a kept patch", what)
		}
	}
	seen := make(map[uint64]string)
	for name, edit := range map[string]Edit{
		"a": at(now, "a = 1"), "b": at(now, "b = 2"), "more": at(now, "more = 5"), "c": at(now, "c = 3"), "new": {File: "new.go", Start: 0, End: 0, New: "x"}, "none": {File: "gone.go", Start: 0, End: 0, New: "x"},
		"q": {File: "q.go", Start: 0, End: 0, New: "x"},
	} {
		key := then.Key([]Edit{edit})
		if seen[key] != "" {
			t.Errorf("the edits %s and %s have the same key", name, seen[key])
		}
		seen[key] = name
	}
}
