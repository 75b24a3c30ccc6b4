package patch_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/patch"
)

// texts draws a file with few distinct lines, so that hunks fit in several places, and an
// edited version of it.
func texts(t *rapid.T) (old, new []byte) {
	line := rapid.SampledFrom([]string{"a", "b", "c", "", "-- x", "++ y", "@@ -1 +1 @@", "diff --git a/x b/x", "\\ z", "é", "d\r", "{", "}"})
	lines := rapid.SliceOfN(line, 0, 40).Draw(t, "lines")
	edited := append([]string(nil), lines...)
	for range rapid.IntRange(0, 6).Draw(t, "edits") {
		at := rapid.IntRange(0, len(edited)).Draw(t, "at")
		end := min(len(edited), at+rapid.IntRange(0, 3).Draw(t, "deleted"))
		put := rapid.SliceOfN(line, 0, 3).Draw(t, "inserted")
		edited = append(edited[:at:at], append(put, edited[end:]...)...)
	}
	join := func(lines []string, label string) []byte {
		if len(lines) == 0 {
			return []byte{}
		}
		s := strings.Join(lines, "\n")
		if rapid.Bool().Draw(t, label) {
			s += "\n"
		}
		return []byte(s)
	}
	return join(lines, "old newline"), join(edited, "new newline")
}

func TestDiffApplies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		old, new := texts(t)
		f := patch.DiffContext("x", "x", old, new, rapid.IntRange(0, 3).Draw(t, "context"))
		got, placed, err := patch.Apply(old, f, patch.Options{Fuzz: rapid.IntRange(0, 3).Draw(t, "fuzz")})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, new) {
			t.Fatalf("got %q, want %q", got, new)
		}
		for i, p := range placed {
			if p.Hunk != i+1 || p.Offset != 0 || p.Fuzz != 0 || p.Similarity != 1 {
				t.Fatalf("hunk %d was not placed where it says: %+v", i+1, p)
			}
		}
	})
}

func TestReverseUndoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		old, new := texts(t)
		files := []patch.File{patch.Diff("x", "x", old, new)}
		back := patch.Reverse(files)
		got, _, err := patch.Apply(new, back[0], patch.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, old) {
			t.Fatalf("got %q, want %q", got, old)
		}
		if d := cmp.Diff(files, patch.Reverse(back)); d != "" {
			t.Fatal(d)
		}
	})
}

func TestSubset(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		old, new := texts(t)
		f := patch.DiffContext("x", "x", old, new, rapid.IntRange(0, 3).Draw(t, "context"))
		var all, some []int
		for i := range f.Hunks {
			all = append(all, i)
			if rapid.Bool().Draw(t, "keep") {
				some = append(some, i)
			}
		}
		subset := func(keep []int) []byte {
			out, err := patch.Subset(old, f, keep)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		if got := subset(all); !bytes.Equal(got, new) {
			t.Fatalf("all: got %q, want %q", got, new)
		}
		if got := subset(nil); !bytes.Equal(got, old) {
			t.Fatalf("none: got %q, want %q", got, old)
		}
		if got, want := subset(some), spliced(old, f, some); !bytes.Equal(got, want) {
			t.Fatalf("%v: got %q, want %q", some, got, want)
		}
		for i, one := range f.Split() {
			got, placed, err := patch.Apply(old, one, patch.Options{})
			if err != nil || placed[0].Offset != 0 {
				t.Fatalf("only hunk %d: %v %v", i+1, placed, err)
			}
			if want := subset([]int{i}); !bytes.Equal(got, want) {
				t.Fatalf("only hunk %d: got %q, want %q", i+1, got, want)
			}
		}
	})
}

// spliced is another implementation of Subset, which replaces lines by number.
func spliced(old []byte, f patch.File, keep []int) []byte {
	lines := strings.SplitAfter(string(old), "\n")
	for _, i := range slices.Backward(keep) {
		h := f.Hunks[i]
		start := h.OldStart - 1
		if h.OldLines == 0 {
			start = h.OldStart
		}
		var new []string
		for _, l := range h.Lines {
			if l.Op != patch.Delete {
				new = append(new, l.Text)
			}
		}
		lines = slices.Replace(lines, start, start+h.OldLines, new...)
	}
	return []byte(strings.Join(lines, ""))
}

func TestFormatParses(t *testing.T) {
	t.Parallel()
	name := rapid.SampledFrom([]string{
		"x", "a/b.go", "with space", "two  spaces /x ", "tab\tname", "quo\"te", "back\\slash\\", "é.go", "nl\nname", "bad\xffutf8", "b/x b/x", "a", "-", "dev/null",
	})
	mode := rapid.SampledFrom([]fs.FileMode{0o644, 0o755, fs.ModeSymlink | 0o777})
	rapid.Check(t, func(t *rapid.T) {
		var files []patch.File
		for range rapid.IntRange(1, 3).Draw(t, "files") {
			old, new := texts(t)
			context := rapid.IntRange(0, 3).Draw(t, "context")
			oldName := name.Draw(t, "old name")
			var f patch.File
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 0:
				f = patch.DiffContext("", oldName, nil, new, context)
				f.NewMode = mode.Draw(t, "mode")
			case 1:
				f = patch.DiffContext(oldName, "", old, nil, context)
				f.OldMode = mode.Draw(t, "mode")
			case 2:
				f = patch.DiffContext(oldName, oldName+".new", old, new, context)
			case 3:
				f = patch.DiffContext(oldName, oldName, old, new, context)
				f.OldMode, f.NewMode = 0o644, 0o755
			default:
				f = patch.DiffContext(oldName, oldName, old, append(new, "end"...), context)
			}
			files = append(files, f)
		}
		text := patch.Format(files)
		got, err := patch.Parse(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if d := cmp.Diff(files, got); d != "" {
			t.Fatalf("%s\n%s", d, text)
		}
	})
}

func TestApplyKeepsLineEndings(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.StringMatching(`[abc]`)
		lines := rapid.SliceOfN(line, 1, 30).Draw(t, "lines")
		edited := append([]string(nil), lines...)
		edited[rapid.IntRange(0, len(lines)-1).Draw(t, "at")] = "new"
		if rapid.Bool().Draw(t, "append") {
			edited = append(edited, "last")
		}
		end := rapid.SampledFrom([]string{"\n", ""}).Draw(t, "end")
		lf := patch.Diff("x", "x", []byte(strings.Join(lines, "\n")+end), []byte(strings.Join(edited, "\n")+end))
		end = strings.ReplaceAll(end, "\n", "\r\n")
		src, want := strings.Join(lines, "\r\n")+end, strings.Join(edited, "\r\n")+end
		if !strings.Contains(src, "\r") || !strings.Contains(fmt.Sprint(lf), "\n") {
			return // the patch has no line endings to compare
		}
		got, _, err := patch.Apply([]byte(src), lf, patch.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

// TestEndingsWithoutNewline checks that a file without any newline gets the line endings of
// the patch.
func TestEndingsWithoutNewline(t *testing.T) {
	t.Parallel()
	files, err := patch.Parse([]byte("--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n-b\r\n+b\r\n+c\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := patch.Apply([]byte("b"), files[0], patch.Options{}); err != nil || string(got) != "b\r\nc" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestConflict(t *testing.T) {
	t.Parallel()
	old := "a\nb\nc\nd\ne\nf\ng\n"
	f := patch.Diff("dir/x", "dir/x", []byte(old), []byte(strings.Replace(old, "d", "D", 1)))
	for _, tt := range []struct {
		name, src string
		f         patch.File
		want      patch.ConflictError
	}{
		{"gone", "x\ny\nz\n", f, patch.ConflictError{File: "dir/x", Hunk: 1, Line: 1, Reason: "its 7 old lines are not in the file", Expected: old, Found: "x\ny\nz\n"}},
		{"already applied", strings.Replace(old, "d", "D", 1), f, patch.ConflictError{File: "dir/x", Hunk: 1, Line: 1, Reason: "the change is already in the file", Applied: true, Expected: old, Found: strings.Replace(old, "d", "D", 1)}},
		{"exists", "x\n", patch.Diff("", "x", nil, []byte("y\n")), patch.ConflictError{File: "x", Reason: "the patch creates this file, but it already exists"}},
		{"more to delete", "y\nx\n", patch.Diff("x", "", []byte("y\n"), nil), patch.ConflictError{File: "x", Reason: "the patch deletes this file, but it has other content"}},
		{"binary", "", patch.File{OldName: "x", NewName: "x", Binary: true}, patch.ConflictError{File: "x", Reason: "the patch only says that the binary files differ; create it with git diff --binary"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, _, err := patch.Apply([]byte(tt.src), tt.f, patch.Options{Fuzz: patch.DefaultFuzz})
			var got *patch.ConflictError
			if !errors.As(err, &got) || !errors.Is(err, patch.ErrConflict) || out != nil {
				t.Fatalf("got %q, %v", out, err)
			}
			if d := cmp.Diff(&tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// acceptAny is a patch.Check that accepts every result.
func acceptAny(string, []byte) error { return nil }

func TestApproximate(t *testing.T) {
	t.Parallel()
	src := "package x\n\nfunc sum(values []int) int {\n\ttotal := 0\n\tfor _, v := range values {\n\t\ttotal -= v\n\t}\n\treturn total\n}\n"
	// The context is wrong, like a model might remember it.
	f, err := patch.Parse([]byte("--- a/x.go\n+++ b/x.go\n@@ -3,5 +3,5 @@\n func sum(vals []int) int {\n \ttotal := 0\n \tfor _, v := range vals {\n-\t\ttotal -= v;\n+\t\ttotal += v;\n \t} // end\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := patch.Apply([]byte(src), f[0], patch.Options{Fuzz: patch.DefaultFuzz}); err == nil {
		t.Fatal("the hunk fits without Approximate")
	}
	got, placed, err := patch.Apply([]byte(src), f[0], patch.Options{Fuzz: patch.DefaultFuzz, Approximate: acceptAny})
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(src, "-=", "+=", 1); string(got) != want || placed[0].Similarity >= 1 || placed[0].Line != 3 {
		t.Errorf("got %q (%+v), want %q", got, placed, want)
	}
	for _, hopeless := range []string{"", "\xff\xfe", "not similar\n", strings.Repeat("x\n", 10000)} {
		if out, _, err := patch.Apply([]byte(hopeless), f[0], patch.Options{Approximate: acceptAny}); err == nil {
			t.Errorf("placed on %.20q: %.200q", hopeless, out)
		}
	}
}
