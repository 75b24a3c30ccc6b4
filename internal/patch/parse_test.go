package patch_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/patch"
)

func TestParse(t *testing.T) {
	t.Parallel()
	hunk := patch.Hunk{OldStart: 1, OldLines: 3, NewStart: 1, NewLines: 3, Lines: []patch.Line{
		{patch.Context, "a\n"}, {patch.Delete, "b\n"}, {patch.Insert, "B\n"}, {patch.Context, "c\n"},
	}}
	body := "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"
	edit := func(name string, hunks ...patch.Hunk) patch.File {
		return patch.File{OldName: name, NewName: name, Hunks: hunks}
	}
	created := patch.Hunk{NewStart: 1, NewLines: 1, Lines: []patch.Line{{patch.Insert, "x\n"}}}
	blank := patch.Hunk{OldStart: 1, OldLines: 3, NewStart: 1, NewLines: 3, Lines: []patch.Line{
		{patch.Context, "a\n"}, {patch.Context, "\n"}, {patch.Delete, "b\n"}, {patch.Insert, "B\n"},
	}}
	auto := []patch.ParseOptions{}
	for _, tt := range []struct {
		name, text string
		opts       []patch.ParseOptions
		want       []patch.File
	}{
		{"nothing", "just prose\n", auto, nil},
		{"empty", "", auto, nil},
		{"git", "diff --git a/d/x b/d/x\nindex 1234567..89abcde 100644\n--- a/d/x\n+++ b/d/x\n" + body, auto, []patch.File{{OldName: "d/x", NewName: "d/x", OldMode: 0o644, Hunks: []patch.Hunk{hunk}}}},
		{"no git header", "--- a/d/x\n+++ b/d/x\n" + body, auto, []patch.File{edit("d/x", hunk)}},
		{"no prefix", "--- d/x\n+++ d/x\n" + body, auto, []patch.File{edit("d/x", hunk)}},
		{"no prefix, git header", "diff --git d/x d/x\n--- d/x\n+++ d/x\n" + body, auto, []patch.File{edit("d/x", hunk)}},
		{"no prefix in git header only", "diff --git a/d/x b/d/x\n--- a/d/x\n+++ b/d/x\n" + body, []patch.ParseOptions{{Strip: 0}}, []patch.File{{OldName: "a/d/x", NewName: "b/d/x", Hunks: []patch.Hunk{hunk}}}},
		{"strip 2", "--- old/src/d/x\n+++ new/src/d/x\n" + body, []patch.ParseOptions{{Strip: 2}}, []patch.File{edit("d/x", hunk)}},
		{"strip 1 of git", "diff --git i/d/x w/d/x\n--- i/d/x\n+++ w/d/x\n" + body, auto, []patch.File{edit("d/x", hunk)}},
		{"timestamps", "--- a/x\t2024-01-02 03:04:05.000000000 +0000\n+++ b/x\t2024-01-02 03:04:06.000000000 +0000\n" + body, auto, []patch.File{edit("x", hunk)}},
		{"backup name", "--- x\n+++ x.new\n" + body, auto, []patch.File{edit("x", hunk)}},
		{"Markdown around", "Here is the fix:\n\n```diff\n--- a/x\n+++ b/x\n" + body + "```\n\nIt works because:\n- of b\n+ of B\n", auto, []patch.File{edit("x", hunk)}},
		{"CRLF", strings.ReplaceAll("--- a/x\n+++ b/x\n"+body, "\n", "\r\n"), auto, []patch.File{edit("x", hunk)}},
		{"trimmed empty context", "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n\n-b\n+B\n", auto, []patch.File{edit("x", blank)}},
		{"counts too small", "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+B\n c\n", auto, []patch.File{edit("x", hunk)}},
		{"counts too large in a fence", "```\n--- a/x\n+++ b/x\n@@ -1,9 +1,8 @@\n a\n-b\n+B\n c\n```\n", auto, []patch.File{edit("x", hunk)}},
		{"counts too large before another file in a fence", "~~~diff\n--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n a\n-b\n+B\n c\n--- a/y\n+++ b/y\n" + body + "~~~\n", auto, []patch.File{edit("x", hunk), edit("y", hunk)}},
		{"counts too large before prose in a fence", "```\n--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n a\n-b\n+B\n c\n\nThat is it.\n```\n", auto, []patch.File{edit("x", patch.Hunk{OldStart: 1, OldLines: 4, NewStart: 1, NewLines: 4, Lines: append(hunk.Lines[:4:4], patch.Line{Op: patch.Context, Text: "\n"})})}},
		{"counts too small before prose", "--- a/x\n+++ b/x\n@@ -1,1 +1,1 @@\n a\n-b\n+B\n c\n\nThat is it.\n", auto, []patch.File{edit("x", hunk)}},
		{"counts too small before the end of a mail", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n a\n-b\n+B\n c\n-- \n2.39.5\n\n", auto, []patch.File{edit("x", hunk)}},
		{"mail", "From: a\nSubject: [PATCH] b\n\n---\n x | 2 +-\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n" + body + "-- \n2.39.5\n\n", auto, []patch.File{edit("x", hunk)}},
		{"new", "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n", auto, []patch.File{{NewName: "x", New: true, Hunks: []patch.Hunk{created}}}},
		{"new without mode", "diff --git a/x b/x\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n", auto, []patch.File{{NewName: "x", New: true, Hunks: []patch.Hunk{created}}}},
		{"new with an old name", "diff --git a/x b/x\nnew file mode 100755\n--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+x\n", auto, []patch.File{{NewName: "x", New: true, NewMode: 0o755, Hunks: []patch.Hunk{created}}}},
		{"new with a blank after the mode", "diff --git a/x b/x\nnew file mode 100755 \nindex 0000000..587be6b\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n", auto, []patch.File{{NewName: "x", New: true, NewMode: 0o755, Hunks: []patch.Hunk{created}}}},
		{"modes with blanks", "diff --git a/x b/x\nold mode 100644  \nnew mode 100755 \n", auto, []patch.File{{OldName: "x", NewName: "x", OldMode: 0o644, NewMode: 0o755}}},
		{"index with a blank", "diff --git a/x b/x\nindex 1234567..89abcde 100644 \n--- a/x\n+++ b/x\n" + body, auto, []patch.File{{OldName: "x", NewName: "x", OldMode: 0o644, Hunks: []patch.Hunk{hunk}}}},
		{"new with dates", "--- /dev/null 1970-01-01 00:00:00.000000000 +0000\n+++ b/x 2024-01-02 03:04:05.000000000 +0000\n@@ -0,0 +1 @@\n+x\n", auto, []patch.File{{NewName: "x", New: true, Hunks: []patch.Hunk{created}}}},
		{"new with a blank", "--- /dev/null \n+++ b/x\n@@ -0,0 +1 @@\n+x\n", auto, []patch.File{{NewName: "x", New: true, Hunks: []patch.Hunk{created}}}},
		{"empty new file", "diff --git a/a b b/a b\nnew file mode 100644\nindex 0000000..e69de29\n", auto, []patch.File{{NewName: "a b", New: true, NewMode: 0o644}}},
		{"mode only", "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n", auto, []patch.File{{OldName: "x", NewName: "x", OldMode: 0o644, NewMode: 0o755}}},
		{"mode only, no prefix", "diff --git d/x d/x\nold mode 100644\nnew mode 100755\n", auto, []patch.File{{OldName: "d/x", NewName: "d/x", OldMode: 0o644, NewMode: 0o755}}},
		{"rename", "diff --git a/x b/d/y\nsimilarity index 100%\nrename from x\nrename to d/y\n", auto, []patch.File{{OldName: "x", NewName: "d/y", Rename: true}}},
		{"quoted", "diff --git \"a/\\303\\244\\n\" \"b/\\303\\244\\n\"\n--- \"a/\\303\\244\\n\"\n+++ \"b/\\303\\244\\n\"\n" + body, auto, []patch.File{edit("ä\n", hunk)}},
		{"binary", "diff --git a/x b/x\nindex 1..2 100644\nBinary files a/x and b/x differ\n--- a/y\n+++ b/y\n" + body, auto, []patch.File{{OldName: "x", NewName: "x", OldMode: 0o644, Binary: true}, edit("y", hunk)}},
		{"symlink", "diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n", auto, []patch.File{{NewName: "x", New: true, NewMode: os.ModeSymlink | 0o777, Hunks: []patch.Hunk{{NewStart: 1, NewLines: 1, Lines: []patch.Line{{patch.Insert, "x"}}}}}}},
		{"deleted dashes", "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n--- sql\n+++ sql\n@@ -9 +9 @@\n-b\n+B\n", auto, []patch.File{edit("x",
			patch.Hunk{OldStart: 1, OldLines: 1, NewStart: 1, NewLines: 1, Lines: []patch.Line{{patch.Delete, "-- sql\n"}, {patch.Insert, "++ sql\n"}}},
			patch.Hunk{OldStart: 9, OldLines: 1, NewStart: 9, NewLines: 1, Lines: []patch.Line{{patch.Delete, "b\n"}, {patch.Insert, "B\n"}}})}},
		{"section", "--- x\n+++ x\n@@ -1,3 +1,3 @@ func f() {\n a\n-b\n+B\n c\n", auto, []patch.File{edit("x", patch.Hunk{OldStart: 1, OldLines: 3, NewStart: 1, NewLines: 3, Section: "func f() {", Lines: hunk.Lines})}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := patch.Parse([]byte(tt.text), tt.opts...)
			if err != nil {
				t.Fatal(err)
			}
			if len(tt.want) == 0 && len(got) == 0 {
				return
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		strip      int
		line       int
		reason     string
	}{
		{"no name", "prose\n@@ -1 +1 @@\n-a\n+b\n", -1, 2, "without a file name"},
		{"bad header", "--- a/x\n+++ b/x\n@@ -1 +one @@\n-a\n+b\n", -1, 3, "bad hunk header"},
		{"huge numbers", "--- a/x\n+++ b/x\n@@ -99999999999999999999 +1 @@\n-a\n+b\n", -1, 3, "bad hunk header"},
		{"no lines", "--- a/x\n+++ b/x\n@@ -1 +1 @@\nprose\n", -1, 3, "without lines"},
		{"no changes", "\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n a\n", -1, 5, "no changes"},
		{"new with old lines", "--- /dev/null\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", -1, 3, "has old lines"},
		{"merge", "diff --cc x\n--- a/x\n+++ b/x\n@@@ -1 -1 +1 @@@\n", -1, 1, "combined diff"},
		{"strip too much", "\n\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", 2, 3, "to strip"},
		{"no file", "diff --git a/x b/y\nrename from /\nrename to y\n", -1, 2, "invalid file name"},
		{"long name", "--- " + strings.Repeat("x", 1<<17) + "\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", -1, 1, "too long"},
	} {
		_, err := patch.Parse([]byte(tt.text), patch.ParseOptions{Strip: tt.strip})
		var got *patch.ParseError
		if !errors.As(err, &got) || got.Line != tt.line || !strings.Contains(got.Reason, tt.reason) {
			t.Errorf("%s: got %.200v", tt.name, err)
		}
	}
}

// TestAdversarial has inputs for which a careless parser or applier takes forever.
func TestAdversarial(t *testing.T) {
	t.Parallel()
	same := strings.Repeat("x\n", 200_000)
	var hunks strings.Builder
	for range 50 {
		hunks.WriteString("@@ -1,1001 +1,1001 @@\n" + strings.Repeat(" x\n", 1000) + "-y\n+z\n")
	}
	start := time.Now()
	for name, text := range map[string]string{
		"headers":    strings.Repeat("--- a\n+++ b\n", 100_000),
		"signatures": "--- a\n+++ b\n@@ -1,9999999 +1,9999999 @@\n" + strings.Repeat("-- \n\n\n", 100_000),
		"fences":     strings.Repeat(" ```a\n", 200_000) + "x\n",
		"spaces":     "diff --git " + strings.Repeat("a ", 8000) + "\n",
		"quotes":     strings.Repeat("diff --git \"a \"b\n", 50_000),
		"same lines": "--- a\n+++ b\n" + hunks.String(),
	} {
		files, err := patch.Parse([]byte(text))
		if err != nil {
			continue
		}
		for _, f := range files {
			if _, _, err := patch.Apply([]byte(same), f, patch.Options{Fuzz: 2}); err == nil {
				t.Errorf("Apply accepts the patch %s", name)
			}
		}
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

// seeds are the corpus that fuzzing starts from.
func seeds(f *testing.F) []string {
	f.Helper()
	texts := []string{
		"--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n",
		"diff --git a/x b/y\nrename from x\nrename to y\n",
		"diff --git \"a/\\303\" \"b/\\303\"\nold mode 100644\nnew mode 100755\n",
		"--- /dev/null\r\n+++ b/x\r\n@@ -0,0 +1 @@\r\n+x\r\n\\ No newline at end of file\r\n",
		"```diff\n--- a/x\n+++ b/x\n@@ -1,9 +1 @@ f\n\n-b\n```\n-- \n2\n",
		"diff --git a/x b/x\nGIT binary patch\nliteral 1\n",
		"--- x\n+++ y\n@@ -0,0 +1 @@\n+\n@@ -5 +6,0 @@\n-z\n",
		"diff --git a/0 b/0\n--- a/0\n+++ b/0\n@@-0\n+0\n",
		"--- a/x\n+++ b/x\n@@ ... @@\n-a\n@@ f @@\n@@ g\n+b\n*** End of File\n",
		"*** Begin Patch\n*** Add File: a\n+b\n*** Delete File: c\n*** Update File: d\n*** Move to: e\n@@ f\n-g\n+h\n*** End of File\n*** End Patch\n",
		"x.go\n```go\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```\n",
		"  ```\n  --- a/x\n  +++ b/x\n  @@\n  -a\n  +b\n  ```\n",
		"diff --git a/x b/x\nindex 8b137891791fe96927ad78e64b0aad7bded08bdc..1ce5ec7d92a4e0f1a2b5e3ce5c2cf5a7c3d2c6e7 100644\nGIT binary patch\nliteral 1\nIcmZPo000310RR91\n\nliteral 0\nHcmV?d00001\n\n",
	}
	if len(texts) == 0 {
		f.Fatal("no seeds")
	}
	return texts
}

func FuzzParse(f *testing.F) {
	for _, text := range seeds(f) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		files, err := patch.Parse(text)
		if err != nil {
			return
		}
		// Format and Parse preserve what was read.
		again, err := patch.Parse(patch.Format(files))
		if err != nil {
			t.Fatalf("%v\n%q", err, patch.Format(files))
		}
		if len(again) != len(files) {
			t.Fatalf("%d files became %d\n%q", len(files), len(again), patch.Format(files))
		}
		for i := range files {
			if d := cmp.Diff(files[i].Hunks, again[i].Hunks); d != "" {
				t.Fatalf("%s\n%q", d, patch.Format(files))
			}
		}
	})
}

func FuzzApply(f *testing.F) {
	for _, text := range seeds(f) {
		f.Add([]byte("a\nb\nc\n"), []byte(text), 2)
		f.Add([]byte("a\r\nb\r\nc"), []byte(text), 0)
	}
	f.Fuzz(func(t *testing.T, src, text []byte, fuzz int) {
		files, err := patch.Parse(text)
		if err != nil {
			return
		}
		for _, file := range files {
			opt := patch.Options{Fuzz: fuzz}
			if fuzz%2 == 1 {
				opt.Approximate = acceptAny
			}
			out, placed, err := patch.Apply(src, file, opt)
			if err != nil {
				var conflict *patch.ConflictError
				if !errors.As(err, &conflict) || out != nil || placed != nil {
					t.Fatalf("%v, and %q", err, out)
				}
				continue
			}
			if len(placed) != len(file.Hunks) {
				t.Fatalf("%d hunks, %d placements", len(file.Hunks), len(placed))
			}
			patch.Subset(src, file, []int{0}) //nolint:errcheck // must not panic
			patch.Apply(out, patch.Reverse([]patch.File{file})[0], opt)
		}
	})
}

// TestRealPatches reads patches by git and GNU diff for the same change.
func TestRealPatches(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{"old/x": "a\nb\nc\n", "new/x": "a\nB\nc\n", "old/gone": "g\n", "new/made": "m"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"diff", "-ruN", "old", "new"},
		{"git", "diff", "--no-index", "old", "new"},
		{"git", "diff", "--no-index", "--no-prefix", "old", "new"},
	} {
		text := output(t, dir, args...)
		strip := 1
		if args[0] == "git" && len(args) == 5 {
			strip = 2
		}
		files, err := patch.Parse(text, patch.ParseOptions{Strip: strip})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		got := make(map[string]string)
		for _, f := range files {
			got[f.Name()] = fmt.Sprintf("new %v, deleted %v, %d hunks", f.New, f.Delete, len(f.Hunks))
		}
		want := map[string]string{"x": "new false, deleted false, 1 hunks", "gone": "new false, deleted true, 1 hunks", "made": "new true, deleted false, 1 hunks"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%v: %s\n%s", args, d, text)
		}
	}
}
