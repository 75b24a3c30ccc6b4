package patch_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/patch"
)

// madePatches returns what git and GNU diff write for changes of all kinds.
func madePatches(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	long := strings.Repeat("one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n", 3)
	for name, content := range map[string]string{"edited": long, "gone": "g\n", "moved": long + "m", "mode": "x\n", "same": "s\n", "data": "\x00\x01\x02", "cöpied\t": long + "c\n"} {
		write("old/"+name, content, 0o644)
	}
	write("new/edited", strings.Replace(strings.Replace(long, "two", "TWO", 1), "eight\nnine\none", "eight\nIX\none", 1)+"end\n", 0o644)
	write("new/later", strings.Replace(long, "one", "ONE", 3)+"m\n", 0o644)
	write("new/mode", "x\n", 0o755)
	write("new/same", "s\n", 0o644)
	write("new/data", "\x00\x01\x02\x03", 0o644)
	write("new/made\"", "m\n-- \nn", 0o755)
	write("new/cöpied\t", long+"c\n", 0o644)
	write("new/copy", long+"d\n", 0o644)
	write("new/empty", "", 0o644)
	run(t, dir, "", "git", "init", "-q", "old")
	repo := filepath.Join(dir, "old")
	git := func(args ...string) string {
		t.Helper()
		return run(t, repo, "", append([]string{"git", "-c", "user.name=A", "-c", "user.email=a@example.com"}, args...)...)
	}
	git("add", "-A")
	git("commit", "-qm", "old")
	git("--work-tree=../new", "add", "-A")
	git("commit", "-qm", "new")
	mail := git("format-patch", "-1", "--stdout", "--binary", "-C", "--find-copies-harder")
	if err := os.RemoveAll(filepath.Join(repo, ".git")); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"mail":         mail,
		"git":          string(output(t, dir, "git", "diff", "--no-index", "--binary", "-M", "-C", "--find-copies-harder", "old", "new")),
		"git, U0":      string(output(t, dir, "git", "diff", "--no-index", "--binary", "-U0", "old", "new")),
		"git, U1":      string(output(t, dir, "git", "diff", "--no-index", "--binary", "-U1", "old", "new")),
		"GNU":          string(output(t, dir, "diff", "-ruN", "-x", "data", "-x", "empty", "old", "new")),
		"GNU, no date": string(output(t, dir, "diff", "-U2", "--label", "a/edited", "--label", "b/edited", "old/edited", "new/edited")) + string(output(t, dir, "diff", "-U2", "--label", "a/x", "--label", "b/x", "old/moved", "new/later")),
	}
}

// TestEveryPrefix cuts patches off at each byte. What is left is refused, unless it has all the
// changes of the files that it begins with, and does not begin with another file.
func TestEveryPrefix(t *testing.T) {
	t.Parallel()
	for name, text := range madePatches(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole, err := patch.Read([]byte(text))
			if err != nil || len(whole.Files) < 2 {
				t.Fatalf("%d files, %v\n%s", len(whole.Files), err, text)
			}
			lines := strings.SplitAfter(text, "\n")
			ends := make(map[int]int) // where each file ends, as an offset, and how many files end there
			starts := make([]int, len(whole.Parts))
			for i, p := range whole.Parts {
				starts[i] = len(strings.Join(lines[:p.First-1], ""))
				ends[len(strings.Join(lines[:p.Last], ""))] = i + 1
			}
			for end := range len(text) {
				got, err := patch.Read([]byte(text[:end]))
				if err != nil {
					var parse *patch.ParseError
					if !errors.As(err, &parse) {
						t.Errorf("cut at %d: got %v", end, err)
					}
					if ends[end] > 0 && name != "mail" { // its summary counts the files
						t.Errorf("cut at %d, after %d files: got %v", end, ends[end], err)
					}
					continue
				}
				if ends[end] > 0 && name != "mail" && cmp.Equal(got.Files, whole.Files[:ends[end]]) {
					continue
				}
				n := len(got.Files)
				if n == 0 {
					continue // nothing to apply
				}
				if end < starts[n-1] || n < len(starts) && end >= starts[n] {
					t.Errorf("cut at %d, in %.60q: got %d files", end, text[strings.LastIndex(text[:end], "\n")+1:end], n)
					continue
				}
				// Nothing shows that more hunks follow, unless the next one has begun.
				want, last := changesOf(whole.Files[:n]), len(got.Files[n-1].Hunks)
				if strings.Count(text[starts[n-1]:end], "\n@") == last && last > 0 {
					want[n-1].Hunks = want[n-1].Hunks[:last]
				}
				if d := cmp.Diff(want, changesOf(got.Files)); d != "" {
					t.Errorf("cut at %d: %s", end, d)
				}
			}
		})
	}
}

// changesOf returns files without the context at the end of their hunks.
func changesOf(files []patch.File) []patch.File {
	var out []patch.File
	for _, f := range files {
		var hunks []patch.Hunk
		for _, h := range f.Hunks {
			for len(h.Lines) > 0 && h.Lines[len(h.Lines)-1].Op == patch.Context {
				h.Lines = h.Lines[:len(h.Lines)-1]
			}
			// The text may end before "\ No newline at end of file".
			if n := len(h.Lines); n > 0 {
				h.Lines = slices.Clone(h.Lines)
				h.Lines[n-1].Text = strings.TrimSuffix(h.Lines[n-1].Text, "\n")
			}
			h.OldLines, h.NewLines, h.Trimmed = 0, 0, 0
			hunks = append(hunks, h)
		}
		f.Hunks = hunks
		if f.Data != nil { // the way back can be missing: hashes show that the way forward is whole
			data := *f.Data
			data.Backward, f.Data = nil, &data
		}
		out = append(out, f)
	}
	return out
}

// TestTrimmedContext checks what a text may lack at its end: only context. Without a fuzz, the lines
// that are there must match.
func TestTrimmedContext(t *testing.T) {
	t.Parallel()
	const lines = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n"
	const spaced = "1\n2\n3\n4\n5\n6\n\n\n\n10\n11\n12\n"
	const end = "1\n2\n3\n4\n5\n6\n\n\n\n"
	cut := func(header, hunk string) string { return "--- a/x\n+++ b/x\n" + header + "\n" + hunk }
	const hunk = " 3\n 4\n 5\n-6\n+SIX\n"
	for _, tt := range []struct {
		name, file, text string
		want             string // the reason; "" if the hunk is applied
	}{
		{"blank lines", spaced, cut("@@ -3,7 +3,7 @@", hunk), ""},
		{"some of them", spaced, cut("@@ -3,7 +3,7 @@", hunk+" \n"), ""},
		{"blank lines at the end of the file", end, cut("@@ -3,7 +3,7 @@", hunk), ""},
		{"before a signature", spaced, cut("@@ -3,7 +3,7 @@", hunk+"-- \n2.39.5\n\n"), ""},
		{"CRLF", strings.ReplaceAll(spaced, "\n", "\r\n"), strings.ReplaceAll(cut("@@ -3,7 +3,7 @@", hunk), "\n", "\r\n"), ""},
		{"moved", "0\n0\n0\n" + spaced, cut("@@ -3,7 +3,7 @@", hunk), ""},
		{"three lines", lines, cut("@@ -3,7 +3,7 @@", hunk), ""},
		{"one line", lines, cut("@@ -3,7 +3,7 @@", hunk+" 7\n 8\n"), ""},
		{"the lines at the end of the file", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", cut("@@ -3,7 +3,7 @@", hunk), "hunk 1: the patch is cut off: 3 lines missing, which can have changes"},
		{"more lines than the file has", "1\n2\n3\n4\n5\n6\n", cut("@@ -3,7 +3,7 @@", hunk), "hunk 1: its 4 old lines are not in the file"},
		{"more than a diff has after a change", lines, cut("@@ -3,8 +3,8 @@", hunk+" 7\n"+" 8\n"), "line 10: the patch is cut off in hunk 1 of x: its header says -3,8 +3,8, but 6 old and 6 new lines follow"},
		{"four lines", lines, cut("@@ -3,8 +3,8 @@", hunk), "cut off in hunk 1 of x"},
		{"of one side", lines, cut("@@ -3,7 +3,6 @@", hunk), "cut off in hunk 1 of x"},
		{"changes", lines, cut("@@ -3,4 +3,4 @@", " 3\n 4\n 5\n"), "cut off in hunk 1 of x"},
		{"another hunk follows", lines, cut("@@ -3,7 +3,7 @@", hunk+"@@ -11 +11 @@\n-11\n+ELEVEN\n"), "cut off in hunk 1 of x"},
	} {
		files, err := patch.Parse([]byte(tt.text))
		var out []byte
		if err == nil {
			out, _, err = patch.Apply([]byte(tt.file), files[0], patch.Options{})
		}
		switch {
		case tt.want == "" && (err != nil || string(out) != strings.Replace(tt.file, "6", "SIX", 1)):
			t.Errorf("%s: got %q, %v", tt.name, out, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: got %q, %v, want %q", tt.name, out, err, tt.want)
		}
		if err != nil {
			continue
		}
		// Format and Reverse preserve it.
		again, err := patch.Parse(patch.Format(files))
		if err != nil || !cmp.Equal(again, files) {
			t.Errorf("%s: %v %s", tt.name, err, cmp.Diff(files, again))
		}
		back, _, err := patch.Apply(out, patch.Reverse(files)[0], patch.Options{})
		if err != nil || string(back) != tt.file {
			t.Errorf("%s: back: got %q, %v", tt.name, back, err)
		}
	}
}
