package repo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/patch"
)

// TestPlanUndo undoes a change in files that were edited later, or not.
func TestPlanUndo(t *testing.T) {
	t.Parallel()
	const old, new = "a\nb\nc\nd\ne\n", "a\nB\nc\nd\ne\n"
	edit := Change{Path: "x", Old: []byte(old), New: []byte(new), OldExists: true, NewExists: true, OldMode: 0o644}
	made := Change{Path: "x", New: []byte(new), NewExists: true, Mode: 0o644}
	gone := Change{Path: "x", Old: []byte(old), OldExists: true, OldMode: 0o755}
	chmod := edit
	chmod.New, chmod.Mode = chmod.Old, 0o755
	const absent = "absent"
	for _, tt := range []struct {
		name    string
		written Change
		now     string      // the file's content, or absent
		mode    fs.FileMode // and its mode; 0 for 0o644
		want    string      // the content afterwards, or absent
		reason  string      // of the conflict, if there is one
	}{
		{"as it was written", edit, new, 0, old, ""},
		{"edited elsewhere", edit, "a\nB\nc\nd\nE\nf\n", 0, "a\nb\nc\nd\nE\nf\n", ""},
		{"edited in the same lines", edit, "a\nBB\nc\nd\ne\n", 0, "", "was edited later in the same lines"},
		{"undone by hand", edit, old, 0, old, ""},
		{"deleted later", edit, absent, 0, "", "it was deleted later"},
		{"binary now", edit, "\x00", 0, "", "its content cannot be merged"},
		{"made", made, new, 0, absent, ""},
		{"made, deleted", made, absent, 0, absent, ""},
		{"made, edited", made, new + "f\n", 0, "", "the patch created it, and it was edited later"},
		{"deleted", gone, absent, 0, "*" + old, ""},
		{"deleted, made again", gone, new, 0, "", "the patch deleted it, but it exists again"},
		{"deleted, undone by hand", gone, old, 0, old, ""},
		{"mode", chmod, old, 0o755, old, ""},
		{"mode, edited", chmod, new, 0o755, new, ""},
		{"mode, undone by hand", chmod, old, 0, old, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if tt.now != absent {
				mode := tt.mode
				if mode == 0 {
					mode = 0o644
				}
				if err := os.WriteFile(filepath.Join(dir, "x"), []byte(tt.now), mode); err != nil {
					t.Fatal(err)
				}
			}
			before := snapshot(t, dir)
			tree, err := Dir(dir)
			if err != nil {
				t.Fatal(err)
			}
			changes, err := tree.PlanUndo([]Change{tt.written})
			if tt.reason != "" {
				var conflict *patch.ConflictError
				if !errors.As(err, &conflict) || conflict.File != "x" || !strings.Contains(conflict.Reason, tt.reason) {
					t.Fatalf("got %v, want %q", err, tt.reason)
				}
				if d := cmp.Diff(before, snapshot(t, dir)); d != "" {
					t.Error(d)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := tree.Write(t.Context(), changes, nil); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"x": tt.want}
			if tt.want == absent {
				want = map[string]string{}
			}
			if d := cmp.Diff(want, snapshot(t, dir)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestUndoOfApplied checks that PlanUndo restores the bytes and modes of files after any patch,
// even with an offset, with fuzz or with other line endings.
func TestUndoOfApplied(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		line := rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "d\r\n", "\n"})
		text := func(label string) []byte {
			var out []byte
			for _, l := range rapid.SliceOfN(line, 1, 12).Draw(rt, label) {
				out = append(out, l...)
			}
			return out
		}
		mode := rapid.SampledFrom([]fs.FileMode{0o644, 0o755, 0o600, 0o444})
		now, old := text("now"), text("old")
		if rapid.Bool().Draw(rt, "fits") {
			old = now
		}
		f := patch.Diff("x", "x", old, text("new"))
		f.OldMode = 0o644
		f.NewMode = rapid.SampledFrom([]fs.FileMode{0, 0o644, 0o755}).Draw(rt, "new mode")
		files := []patch.File{f}
		switch rapid.IntRange(0, 3).Draw(rt, "kind") {
		case 0:
			files = append(files, patch.Diff("", "made/y", nil, text("made")))
		case 1:
			files = []patch.File{patch.Diff("x", "", now, nil)}
		}
		if err := os.WriteFile(filepath.Join(dir, "x"), now, 0o600); err != nil {
			rt.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, "x"), mode.Draw(rt, "mode")); err != nil {
			rt.Fatal(err)
		}
		before := snapshot(t, dir)
		tree, err := Dir(dir)
		if err != nil {
			rt.Fatal(err)
		}
		written, err := tree.Plan(files, patch.Options{Fuzz: patch.DefaultFuzz})
		if err != nil {
			if d := cmp.Diff(before, snapshot(t, dir)); d != "" {
				rt.Fatalf("refused, but changed: %s", d)
			}
			return
		}
		if err := tree.Write(t.Context(), written, nil); err != nil {
			rt.Fatal(err)
		}
		back, err := tree.PlanUndo(written)
		if err != nil {
			rt.Fatal(err)
		}
		if err := tree.Write(t.Context(), back, nil); err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(before, snapshot(t, dir)); d != "" {
			rt.Fatal(d)
		}
	})
}
