package patch

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	lines := func(s string) string { return strings.ReplaceAll(s, " ", "\n") }
	for name, test := range map[string]struct{ base, ours, theirs, want string }{
		"apart":               {"a b c d e ", "a B c d e ", "a b c D e ", "a B c D e "},
		"added below":         {"a b ", "a b c d ", "a B ", ""},
		"added further below": {"a b c ", "a b c d ", "A b c ", "A b c d "},
		"the same change":     {"a b c ", "a X c ", "a X c ", "a X c "},
		"touching":            {"a b c ", "a B c ", "a b C ", ""},
		"overlapping":         {"a b c d ", "a X X d ", "a b Y d ", ""},
		"removed and kept":    {"a b c d ", "a c d ", "a b c D ", "a c D "},
		"both insert":         {"a b ", "a x b ", "a y b ", ""},
		"no newline":          {"a b c", "a b C", "A b c", "A b C"},
		"empty base":          {"", "a ", "", "a "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Merge([]byte(lines(test.base)), []byte(lines(test.ours)), []byte(lines(test.theirs)))
			var conflict *MergeError
			if test.want == "" {
				if !errors.As(err, &conflict) {
					t.Errorf("got %q, %v; want a conflict", got, err)
				}
			} else if err != nil || string(got) != lines(test.want) {
				t.Errorf("got %q, %v; want %q", got, err, lines(test.want))
			}
		})
	}
}

// drawFile draws a small file with few distinct lines, so that lines repeat.
func drawFile(t *rapid.T, label string) []byte {
	list := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}), 0, 12).Draw(t, label)
	text := strings.Join(list, "\n")
	if len(list) > 0 && rapid.Bool().Draw(t, label+" ends") {
		text += "\n"
	}
	return []byte(text)
}

func TestMergeLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		base, ours, theirs := drawFile(t, "base"), drawFile(t, "ours"), drawFile(t, "theirs")
		if got, err := Merge(base, ours, base); err != nil || !bytes.Equal(got, ours) {
			t.Fatalf("theirs unchanged: got %q, %v; want ours", got, err)
		}
		if got, err := Merge(base, base, theirs); err != nil || !bytes.Equal(got, theirs) {
			t.Fatalf("ours unchanged: got %q, %v; want theirs", got, err)
		}
		if got, err := Merge(base, ours, ours); err != nil || !bytes.Equal(got, ours) {
			t.Fatalf("both sides equal: got %q, %v", got, err)
		}
		one, err1 := Merge(base, ours, theirs)
		two, err2 := Merge(base, theirs, ours)
		if (err1 == nil) != (err2 == nil) || !bytes.Equal(one, two) {
			t.Fatalf("swapping the sides changes the result: %q, %v; %q, %v", one, err1, two, err2)
		}
	})
}

// TestMergeLikeGit compares Merge with git merge-file on files without repeated lines, for
// which only one diff is possible.
func TestMergeLikeGit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	agreed := 0
	rapid.Check(t, func(t *rapid.T) {
		var base []string
		for i := range rapid.IntRange(1, 12).Draw(t, "lines") {
			base = append(base, string(rune('a'+i)))
		}
		change := func(label string) []string {
			var out []string
			for _, l := range base {
				switch rapid.IntRange(0, 9).Draw(t, label) {
				case 0: // removed
				case 1:
					out = append(out, label+l)
				case 2:
					out = append(out, l, label+l)
				default:
					out = append(out, l)
				}
			}
			return out
		}
		sides := map[string][]byte{}
		for name, list := range map[string][]string{"base": base, "ours": change("x"), "theirs": change("y")} {
			sides[name] = []byte(strings.Join(list, "\n") + "\n")
			if len(list) == 0 {
				sides[name] = nil
			}
			if err := os.WriteFile(filepath.Join(dir, name), sides[name], 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("git", "merge-file", "-p", "ours", "base", "theirs")
		cmd.Dir = dir
		want, gitErr := cmd.Output()
		got, err := Merge(sides["base"], sides["ours"], sides["theirs"])
		if (err == nil) != (gitErr == nil) {
			t.Fatalf("merged: %q, %v; git: %q, %v", got, err, want, gitErr)
		}
		if err == nil && !bytes.Equal(got, want) {
			t.Fatalf("merged: %q; git: %q", got, want)
		}
		agreed++
	})
	if agreed == 0 {
		t.Error("nothing was compared")
	}
}
