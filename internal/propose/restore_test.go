package propose

import (
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/patch"
)

// TestRestores brings back what is wrong and keeps the rest of the change.
func TestRestores(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/restore/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var in, after txtar.Archive
			for _, f := range archive.Files {
				if name, ok := strings.CutPrefix(f.Name, "want/"); ok {
					after.Files = append(after.Files, txtar.File{Name: name, Data: f.Data})
				} else {
					in.Files = append(in.Files, f)
				}
			}
			p := changedTree(t, &in)
			cands, errs := Generate(t.Context(), p, []Strategy{Restore})
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			want := string(txtar.Format(&after))
			for i := range cands {
				if written(t, p, &cands[i]) == want {
					return
				}
			}
			t.Errorf("%d candidates, and none is right", len(cands))
			for i := range cands {
				t.Log(cands[i].Title, gocmp.Diff(want, written(t, p, &cands[i])))
			}
		})
	}
}

// changedText returns a problem with one changed file, and the candidates of Restore.
func changedText(t *testing.T, p *Problem, old, new string) []Candidate {
	t.Helper()
	p.Tree = &Tree{Overlay: map[string][]byte{"a.txt": []byte(new)}}
	p.Changes = []patch.File{patch.Diff("a.txt", "a.txt", []byte(old), []byte(new))}
	cands, errs := Generate(t.Context(), p, []Strategy{Restore})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return cands
}

func titlesOf(cands []Candidate) string {
	var out []string
	for _, c := range cands {
		out = append(out, c.Title)
	}
	return strings.Join(out, "\n")
}

// Single parts come before pairs, small ones before large ones, and suspicious ones before all.
// A pair that is a whole line is that line.
func TestRestoreOrder(t *testing.T) {
	t.Parallel()
	p := &Problem{Suspects: []localize.Suspect{{File: "a.txt", Start: 5, End: 5, Score: 1}}}
	got := titlesOf(changedText(t, p, "a = 1\n\n\n\nb = f(2)\n", "a = 2\n\n\n\nb = g(3)\n"))
	want := "change `g` back to `f` in `b = g(3)`\n" +
		"change `3` back to `2` in `b = g(3)`\n" +
		"change `b = g(3)` back to `b = f(2)`\n" +
		"change `2` back to `1` in `a = 2`\n" +
		"change `g` back to `f` and change `2` back to `1`\n" +
		"change `3` back to `2` and change `2` back to `1`\n" +
		"change `b = g(3)` back to `b = f(2)` and change `2` back to `1`"
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// If the culprit is known, nothing else is restored.
func TestRestoreCulprit(t *testing.T) {
	t.Parallel()
	old, new := "a = 1\n\n\n\nb = 1\n\n\n\nc = 1\n", "a = 2\n\n\n\nb = 2\n\n\n\nc = 2\n"
	p := &Problem{}
	changedText(t, p, old, new)
	p.culprit = &culprit{pieces: p.pieces(), set: []int{1}}
	p.seen = nil
	if got, want := titlesOf(changedText(t, p, old, new)), "change `2` back to `1` in `b = 2`"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The larger the share of the change that a candidate undoes, the less it is trusted, and lines
// that somebody added are not removed lightly.
func TestRestoreUndoes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, old, new string
		first          string
		removed        float64
	}{
		{"all of it", "a == 1\n", "a == 0\n", "change `0` back to `1` in `a == 0`", 1},
		{"one of four", "a(1, 2)\nb(1, 2)\n", "a(3, 4)\nb(3, 4)\n", "change `3` back to `1` in `a(3, 4)`", 0.5},
		{"an added line", "a\nb\n", "a\nnew(1)\nb\n", "remove the added `new(1)`", 1},
		{"a removed line", "a = 5\nb()\nc\n", "a = 7\nc\n", "change `7` back to `5` in `a = 7`", 0.8},
	} {
		c := changedText(t, &Problem{}, test.old, test.new)[0]
		if c.Title != test.first || c.Removed != test.removed {
			t.Errorf("%s: %s, which undoes %.2f, want %s and %.2f", test.name, c.Title, c.Removed, test.first, test.removed)
		}
	}
}

// A candidate names those that do a part of what it does.
func TestRestoreIncludes(t *testing.T) {
	t.Parallel()
	byTitle := make(map[string]Candidate)
	for _, c := range changedText(t, &Problem{}, "b = f(2)\n", "b = g(3)\n") {
		byTitle[c.Title] = c
	}
	f, two := byTitle["change `g` back to `f` in `b = g(3)`"], byTitle["change `3` back to `2` in `b = g(3)`"]
	line := byTitle["change `b = g(3)` back to `b = f(2)`"]
	if len(f.Includes) > 0 || len(two.Includes) > 0 {
		t.Errorf("a token includes %v and %v", f.Includes, two.Includes)
	}
	if diff := gocmp.Diff([]uint64{f.Key, two.Key}, line.Includes); diff != "" {
		t.Error(diff)
	}
}

// A change of any size is compared in little time, and has a bounded number of candidates.
func TestRestoreBounded(t *testing.T) {
	t.Parallel()
	var old, new strings.Builder
	for i := range 5000 {
		old.WriteString(strings.Repeat("a ", i%7) + "= 1\n")
		new.WriteString(strings.Repeat("b ", i%11) + "= 2\n")
	}
	cands := changedText(t, &Problem{}, old.String(), new.String())
	if len(cands) == 0 || len(cands) > maxRestored+maxRestoredPairs {
		t.Errorf("%d candidates", len(cands))
	}
}

// A pair is not proposed if a single part has the same result.
func TestRestoreSwapped(t *testing.T) {
	t.Parallel()
	got := titlesOf(changedText(t, &Problem{}, "f(a, b, 1)\n", "f(b, a, 1)\n"))
	for title := range strings.SplitSeq(got, "\n") {
		if strings.Contains(title, " and ") {
			t.Errorf("got %s", got)
		}
	}
}
