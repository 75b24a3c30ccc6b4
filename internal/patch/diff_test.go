package patch_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/patch"
)

// changed counts the deleted and the inserted lines.
func changed(f patch.File) (n int) {
	for _, h := range f.Hunks {
		for _, l := range h.Lines {
			if l.Op != patch.Context {
				n++
			}
		}
	}
	return n
}

// fewest returns the least possible number of changed lines, by the table for the longest
// common subsequence.
func fewest(old, new []string) int {
	row := make([]int, len(new)+1) // lengths for the lines of old so far and each prefix of new
	for _, a := range old {
		diagonal := 0
		for j, b := range new {
			above := row[j+1]
			if a == b {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			diagonal = above
		}
	}
	return len(old) + len(new) - 2*row[len(new)]
}

func lines(b []byte) []string {
	lines := strings.SplitAfter(string(b), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func TestDiffIsMinimal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		old, new := texts(t)
		f := patch.DiffContext("x", "x", old, new, rapid.IntRange(0, 3).Draw(t, "context"))
		if got, want := changed(f), fewest(lines(old), lines(new)); got != want {
			t.Fatalf("%d lines are changed, want %d:\n%s", got, want, patch.Format([]patch.File{f}))
		}
	})
}

// shuffled returns n random lines out of the given number of kinds: the worst case to
// compare.
func shuffled(rnd *rand.Rand, n, kinds int) []byte {
	var b bytes.Buffer
	for range n {
		fmt.Fprintf(&b, "what a line may say %d\n", rnd.IntN(kinds))
	}
	return b.Bytes()
}

// TestDiffOfLongFilesIsMinimal has two files in which the only unique line has moved. The
// library's heuristics, which are on by default, would take it for a fixed point.
func TestDiffOfLongFilesIsMinimal(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("\ta()\n\tb()\n\tb()\n", 1300)
	old, new := "moved\n"+body, body+"moved\n"
	if got := changed(patch.Diff("x", "x", []byte(old), []byte(new))); got != 2 {
		t.Errorf("%d lines are changed, want 2", got)
	}
}

// TestDiffIsNotLongerThanGitDiff compares with git diff, by its default and its minimal
// algorithm, on edits of sources with many equal lines.
func TestDiffIsNotLongerThanGitDiff(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(2, 2))
	kinds := []string{"", "\t}", "}", "\t\treturn err", "\tif err != nil {", "\tfor {", "func f() {", "\tx++"}
	dir := t.TempDir()
	ours := make(map[string]patch.File)
	for i := range 300 {
		source := func(n int) (lines []string) {
			for range n {
				line := kinds[rnd.IntN(len(kinds))]
				if rnd.IntN(4) == 0 {
					line = fmt.Sprintf("\tline%d()", rnd.IntN(50))
				}
				lines = append(lines, line)
			}
			return lines
		}
		before := source(20 + rnd.IntN(200))
		after := append([]string(nil), before...)
		for range 1 + rnd.IntN(12) {
			at := rnd.IntN(len(after))
			end := min(len(after), at+rnd.IntN(8))
			after = append(after[:at:at], append(source(rnd.IntN(8)), after[end:]...)...)
		}
		name := fmt.Sprintf("f%d", i)
		var content [2][]byte
		for side, lines := range [][]string{before, after} {
			content[side] = []byte(strings.Join(lines, "\n") + "\n")
			file := filepath.Join(dir, []string{"old", "new"}[side], name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, content[side], 0o644); err != nil {
				t.Fatal(err)
			}
		}
		ours[name] = patch.Diff(name, name, content[0], content[1])
	}
	for _, algorithm := range []string{"default", "minimal"} {
		out := output(t, dir, "git", "diff", "--no-index", "--diff-algorithm="+algorithm, "old", "new")
		files, err := patch.Parse(out, patch.ParseOptions{Strip: 2})
		if err != nil {
			t.Fatal(err)
		}
		if len(files) < 290 {
			t.Fatalf("git reports %d files", len(files))
		}
		for _, f := range files {
			if got, git := changed(ours[f.Name()]), changed(f); got > git {
				t.Errorf("%s, %s: %d lines are changed, git changes %d", f.Name(), algorithm, got, git)
			}
		}
	}
}

// TestDiffChoosesNaturalPlaces has edits that fit in several places, and the one that a
// person would choose.
func TestDiffChoosesNaturalPlaces(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		text string // the new version, + before the lines that were inserted
	}{
		{"a function among functions", " package x\n \n func a() {\n \treturn\n }\n \n+func b() {\n+\treturn\n+}\n+\n func c() {\n \treturn\n }\n"},
		{"the last function", " func a() {\n \treturn\n }\n+\n+func b() {\n+\treturn\n+}\n"},
		{"a function with its comment", " // a does.\n func a() {\n }\n \n+// b does.\n+func b() {\n+}\n+\n // c does.\n func c() {\n }\n"},
		{"a check", " \tx, err := f()\n \tif err != nil {\n \t\treturn err\n \t}\n+\ty, err := g()\n+\tif err != nil {\n+\t\treturn err\n+\t}\n \tz, err := h()\n \tif err != nil {\n \t\treturn err\n \t}\n"},
		{"a case", " \tswitch n {\n \tcase 1:\n \t\tf()\n \t\tbreak\n+\tcase 2:\n+\t\tg()\n+\t\tbreak\n \tcase 3:\n \t\th()\n \t\tbreak\n \t}\n"},
		{"a method in Python", " class A:\n     def a(self):\n         return 1\n \n+    def b(self):\n+        return 1\n+\n     def c(self):\n         return 1\n"},
		{"a nested block", " \tfor {\n+\t\tif a {\n+\t\t\tf()\n+\t\t}\n \t\tif b {\n \t\t\tf()\n \t\t}\n \t}\n"},
		{"an entry of a table", " \t\t{\n \t\t\tname: \"a\",\n \t\t},\n+\t\t{\n+\t\t\tname: \"b\",\n+\t\t},\n \t\t{\n \t\t\tname: \"c\",\n \t\t},\n"},
	} {
		var want []patch.Line
		var old, new strings.Builder
		for line := range strings.Lines(tt.text) {
			want = append(want, patch.Line{Op: patch.Op(line[0]), Text: line[1:]})
			new.WriteString(line[1:])
			if line[0] == ' ' {
				old.WriteString(line[1:])
			}
		}
		got := patch.DiffContext("x", "x", []byte(old.String()), []byte(new.String()), 100).Hunks[0].Lines
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s inserted: %s", tt.name, d)
		}
		for i, l := range want {
			if l.Op == patch.Insert {
				want[i].Op = patch.Delete
			}
		}
		got = patch.DiffContext("x", "x", []byte(new.String()), []byte(old.String()), 100).Hunks[0].Lines
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s deleted: %s", tt.name, d)
		}
	}
}

// TestDiffOfHugeFiles has files that would take minutes to compare without the limits. It
// checks that the diff is far from minimal, as the limits make it, because time proves
// little on a busy machine; BenchmarkDiff measures time.
func TestDiffOfHugeFiles(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 3))
	for _, tt := range []struct {
		name     string
		old, new []byte
	}{
		{"nothing in common", shuffled(rnd, 45_000, 1<<30), shuffled(rnd, 45_000, 1<<30)},
		{"the same lines in another order", shuffled(rnd, 45_000, 1000), shuffled(rnd, 45_000, 1000)},
	} {
		f := patch.Diff("x.go", "x.go", tt.old, tt.new)
		if got, all := changed(f), len(lines(tt.old))+len(lines(tt.new)); got < all*99/100 {
			t.Errorf("%s: %d of %d lines are changed", tt.name, got, all)
		}
		got, _, err := patch.Apply(tt.old, f, patch.Options{})
		if err != nil || !bytes.Equal(got, tt.new) {
			t.Errorf("%s: the diff does not produce the new version: %v", tt.name, err)
		}
	}
}

// TestDiffOfHugeFilesWithFewChanges checks that unchanged lines do not count towards the
// limits, even if no line between the changes is unique.
func TestDiffOfHugeFilesWithFewChanges(t *testing.T) {
	t.Parallel()
	old := strings.Repeat("a\nb\nc\n", 40_000)
	new := lines([]byte(old))
	new[60_000], new[60_100] = "b\n", "a\n"
	if got := changed(patch.Diff("x", "x", []byte(old), []byte(strings.Join(new, "")))); got != 4 {
		t.Errorf("%d lines are changed, want 4", got)
	}
}

func BenchmarkDiff(b *testing.B) {
	rnd := rand.New(rand.NewPCG(5, 5))
	for _, n := range []int{500, 5_000, 15_000, 45_000} {
		old := shuffled(rnd, n, 1000)
		for name, new := range map[string][]byte{
			"edited":            bytes.Replace(old, []byte("7\n"), []byte("8\n"), 10),
			"shuffled":          shuffled(rnd, n, 1000),
			"nothing in common": bytes.ReplaceAll(old, []byte("\n"), []byte("!\n")),
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				for b.Loop() {
					patch.Diff("x", "x", old, new)
				}
			})
		}
	}
}
