package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/usererr"
)

// folder returns a tree of files. "-> x" is a symbolic link to x.
func folder(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(target, file)
		} else {
			err = os.WriteFile(file, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	tree, err := Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func made(name, content string) Change {
	return Change{Path: name, New: []byte(content), NewExists: true}
}

func linked(name, target string) Change {
	return Change{Path: name, New: []byte(target), NewExists: true, Mode: fs.ModeSymlink}
}

func removed(name, content string) Change {
	return Change{Path: name, Old: []byte(content), OldExists: true}
}

// refused checks that a write fails with an error that has all the words, and changes nothing.
func refused(t *testing.T, tree *Tree, changes []Change, want error, words ...string) {
	t.Helper()
	before := snapshot(t, tree.root)
	for name, do := range map[string]func() error{
		"check": func() error { return tree.Check(changes, nil) },
		"write": func() error { return tree.Write(t.Context(), changes, nil) },
	} {
		err := do()
		if !errors.Is(err, want) {
			t.Fatalf("%s: got %v, want %v", name, err, want)
		}
		if usererr.Hint(err) == "" {
			t.Errorf("%s: no hint for %v", name, err)
		}
		for _, word := range words {
			if !strings.Contains(usererr.OneLine(err), word) {
				t.Errorf("%s: no %q in %v", name, word, err)
			}
		}
	}
	if d := cmp.Diff(before, snapshot(t, tree.root)); d != "" {
		t.Errorf("something was written:\n%s", d)
	}
}

func TestRefusedLinks(t *testing.T) {
	t.Parallel()
	files := map[string]string{"a": "a", "dir/b": "b", "link": "-> a", "out": "-> ..", "dirlink": "-> dir"}
	for name, changes := range map[string][]Change{
		"absolute":                      {linked("l", "/etc/passwd")},
		"up":                            {linked("l", "../x")},
		"up from below":                 {linked("dir/l", "../../x")},
		"up after a directory":          {linked("l", "dirlink/../../x")},
		"into git":                      {linked("l", ".git/hooks")},
		"into the journal":              {linked("dir/l", "../.regreen-write/x")},
		"nowhere":                       {linked("l", "")},
		"its name leads out":            {linked("../l", "a")},
		"its name is git's":             {linked(".git", "dir")},
		"over a link":                   {linked("dirlink/l", "a")},
		"a file in the link of another": {linked("l", "dir"), made("l/x", "x")},
		"the same, other order":         {made("l/x", "x"), linked("l", "dir")},
		"the same, by case":             {linked("L", "dir"), made("l/x", "x")},
		"a file where a link is":        {made("link", "x")},
		"the text of a link's file":     {{Path: "link", Old: []byte("a"), New: []byte("b"), OldExists: true, NewExists: true}},
		"an existing one led out":       {{Path: "link", Old: []byte("a"), New: []byte("/"), OldExists: true, NewExists: true, OldMode: fs.ModeSymlink}},
		"a device":                      {{Path: "l", NewExists: true, Mode: fs.ModeDevice}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, folder(t, files), changes, ErrBadPath)
		})
	}
	for name, c := range map[string]Change{
		"other target": {Path: "link", Old: []byte("b"), New: []byte("a"), OldExists: true, NewExists: true, OldMode: fs.ModeSymlink},
		"not a link":   {Path: "a", Old: []byte("a"), New: []byte("b"), OldExists: true, NewExists: true, OldMode: fs.ModeSymlink},
		"deleted link": {Path: "gone", Old: []byte("a"), OldExists: true, OldMode: fs.ModeSymlink},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, folder(t, files), []Change{c}, ErrEdited)
		})
	}
}

// An existing link that leads out can be removed or corrected.
func TestLinksThatLeadOutCanChange(t *testing.T) {
	t.Parallel()
	tree := folder(t, map[string]string{"a": "a", "out": "-> ../x", "etc": "-> /etc"})
	out := Change{Path: "out", Old: []byte("../x"), New: []byte("a"), OldExists: true, NewExists: true, OldMode: fs.ModeSymlink}
	etc := Change{Path: "etc", Old: []byte("/etc"), OldExists: true, OldMode: fs.ModeSymlink}
	if err := tree.Write(t.Context(), []Change{out, etc}, nil); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"a": "a", "out": "-> a"}, snapshot(t, tree.root)); d != "" {
		t.Error(d)
	}
}

// A write does not go through a link that replaces a directory during the write.
func TestFolderBecomesLink(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"begin", "apply 0"} {
		tree := folder(t, map[string]string{"dir/a": "a", "other/a": "a"})
		tree.step = func(name string) error {
			if name != step {
				return nil
			}
			return errors.Join(os.Rename(filepath.Join(tree.root, "dir"), filepath.Join(tree.root, "away")), os.Symlink("other", filepath.Join(tree.root, "dir")))
		}
		change := Change{Path: "dir/a", Old: []byte("a"), New: []byte("b"), OldExists: true, NewExists: true}
		if err := tree.Write(t.Context(), []Change{change}, nil); !errors.Is(err, ErrBadPath) {
			t.Errorf("%s: %v", step, err)
		}
		if d := cmp.Diff(map[string]string{"away/a": "a", "other/a": "a", "dir": "-> other"}, snapshot(t, tree.root)); d != "" {
			t.Errorf("%s: %s", step, d)
		}
	}
}

// A file in the place of a directory, after an interrupted write, does not block the recovery of
// the rest.
func TestFolderReplacedBeforeRecovery(t *testing.T) {
	t.Parallel()
	for _, other := range []string{"file", "-> a"} {
		tree := folder(t, map[string]string{"a": "a", "dir/b": "b"})
		edit := func(name string) Change {
			return Change{Path: name, Old: []byte(filepath.Base(name)), New: []byte("new"), OldExists: true, NewExists: true}
		}
		tree.step = func(name string) error {
			if name == "close" { // everything is written, and the journal still exists
				panic(errCrash)
			}
			return nil
		}
		func() {
			defer func() { _ = recover() }()
			_ = tree.Write(t.Context(), []Change{edit("a"), edit("dir/b")}, nil)
			t.Error("no crash")
		}()
		tree.step = nil
		dir := filepath.Join(tree.root, "dir")
		err := os.RemoveAll(dir)
		if target, ok := strings.CutPrefix(other, "-> "); ok {
			err = errors.Join(err, os.Symlink(target, dir))
		} else {
			err = errors.Join(err, os.WriteFile(dir, []byte(other), 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Recover(t.Context()); err != nil {
			t.Error(err)
		}
		if d := cmp.Diff(map[string]string{"a": "a", "dir": other}, snapshot(t, tree.root, ".regreen-write.lock")); d != "" {
			t.Error(d)
		}
	}
}

// ignoresCase reports whether the file system of temporary directories ignores case.
func ignoresCase(t *testing.T) bool {
	t.Helper()
	_, err := os.Lstat(filepath.Join(folder(t, map[string]string{"case": ""}).root, "CASE"))
	return err == nil
}

// On a file system that ignores case, a write that changes only the case of a name is refused:
// removing the old name would remove the file.
func TestCaseOfOneFileIfIgnored(t *testing.T) {
	t.Parallel()
	if !ignoresCase(t) {
		t.Skip("it does here")
	}
	tree := folder(t, map[string]string{"readme.md": "r"})
	refused(t, tree, []Change{removed("readme.md", "r"), made("README.md", "r")}, ErrBadPath, "the same name as readme.md")
}

func TestNamesThatDifferByCase(t *testing.T) {
	t.Parallel()
	if ignoresCase(t) {
		t.Skip("this file system cannot have two such names")
	}
	files := map[string]string{"readme.md": "r", "Dir/x": "x", "stra\u00dfe": "s", "caf\u00e9": "c", "both": "1", "Both": "2"}
	for name, tt := range map[string]struct {
		changes []Change
		other   string
	}{
		"a file":              {[]Change{made("README.md", "x")}, "readme.md"},
		"its directory":       {[]Change{made("dir/y", "y")}, "Dir"},
		"file in a directory": {[]Change{made("Dir/X", "y")}, "Dir/x"},
		"file as a directory": {[]Change{made("README.MD/x", "y")}, "readme.md"},
		"a link":              {[]Change{linked("README.md", "both")}, "readme.md"},
		"full folding":        {[]Change{made("STRASSE", "x")}, "stra\u00dfe"},
		"decomposed":          {[]Change{made("cafe\u0301", "x")}, "caf\u00e9"},
		"decomposed and case": {[]Change{made("CAFE\u0301", "x")}, "caf\u00e9"},
		"two new files":       {[]Change{made("n", "1"), made("N", "2")}, "n"},
		"two new directories": {[]Change{made("n/a", "1"), made("N/b", "2")}, "n"},
		"deep":                {[]Change{made("n/m/a", "1"), made("n/M/a", "2")}, "n/m"},
		"another one removed": {[]Change{removed("both", "1"), made("README.md", "x")}, "readme.md"},
		"one of two removed":  {[]Change{removed("both", "1"), made("BOTH", "x")}, "Both"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, folder(t, files), tt.changes, ErrBadPath, "the same name as "+tt.other)
		})
	}
	t.Run("of one file", func(t *testing.T) {
		t.Parallel()
		tree := folder(t, files)
		changes := []Change{removed("readme.md", "r"), made("README.md", "r"), removed("both", "1"), removed("Both", "2"), made("BOTH", "3")}
		if err := tree.Write(t.Context(), changes, nil); err != nil {
			t.Fatal(err)
		}
		now := snapshot(t, tree.root)
		if now["README.md"] != "r" || now["BOTH"] != "3" || len(now) != 5 {
			t.Error(now)
		}
	})
	// If both names are one file, writing one and removing the other would lose it. A hard link
	// is such a file on a file system with case.
	t.Run("of one file by two names", func(t *testing.T) {
		t.Parallel()
		tree := folder(t, map[string]string{"readme.md": "r"})
		root, err := os.OpenRoot(tree.root)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		if err := os.Link(filepath.Join(tree.root, "readme.md"), filepath.Join(tree.root, "README.md")); err != nil {
			t.Fatal(err)
		}
		if !same(root, "readme.md", "README.md") || same(root, "readme.md", "gone") {
			t.Error("cannot distinguish one file from two")
		}
	})
	t.Run("of existing files", func(t *testing.T) {
		t.Parallel()
		tree := folder(t, files)
		changes := []Change{
			{Path: "both", Old: []byte("1"), New: []byte("one"), OldExists: true, NewExists: true},
			{Path: "Both", Old: []byte("2"), New: []byte("two"), OldExists: true, NewExists: true},
			made("Dir/y", "y"),
		}
		if err := tree.Write(t.Context(), changes, nil); err != nil {
			t.Error(err)
		}
	})
}

// A file with a name that only Windows forbids can be edited, but not created.
func TestUnportableNames(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("such files cannot be there")
	}
	for _, name := range []string{"aux.c", "nul", "dir/com1.txt", "ends.", "tab\t"} {
		edit := Change{Path: name, Old: []byte("1"), New: []byte("2"), OldExists: true, NewExists: true}
		tree := folder(t, map[string]string{name: "1"})
		if err := tree.Write(t.Context(), []Change{edit}, nil); err != nil {
			t.Errorf("edit %q: %v", name, err)
		}
		if err := tree.Write(t.Context(), []Change{removed(name, "2")}, nil); err != nil {
			t.Errorf("remove %q: %v", name, err)
		}
		refused(t, tree, []Change{made(name, "3")}, ErrBadPath)
	}
}

// Checking the maximum number of files is fast, even in one directory.
func TestManyFiles(t *testing.T) {
	t.Parallel()
	tree := folder(t, nil)
	many := make([]Change, maxFiles)
	for i := range many {
		if err := os.WriteFile(filepath.Join(tree.root, fmt.Sprintf("old%d", i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		many[i] = made(fmt.Sprintf("new%d", i), "")
	}
	start := time.Now()
	if err := tree.Check(many, nil); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	tree := folder(t, map[string]string{"a": "a"})
	many := make([]Change, maxFiles+1)
	for i := range many {
		many[i] = made(fmt.Sprintf("f%d", i), "")
	}
	refused(t, tree, many, ErrTooLarge, "10001 files")
	chunk := make([]byte, 16<<20)
	var large []Change
	for i := range maxContent/len(chunk) + 1 {
		large = append(large, Change{Path: fmt.Sprintf("f%d", i), New: chunk, NewExists: true})
	}
	refused(t, tree, large, ErrTooLarge, "528 MiB")
	for i := range large { // removed content is staged, too
		large[i] = Change{Path: large[i].Path, Old: chunk, OldExists: true}
	}
	refused(t, tree, large, ErrTooLarge, "528 MiB")
}

func TestEditable(t *testing.T) {
	t.Parallel()
	tree := folder(t, map[string]string{"a": "a", "b": "b", "l": "-> a"})
	tree.step = func(name string) error {
		if strings.HasPrefix(name, "stage") {
			t.Errorf("%s before the refusal", name)
		}
		return nil
	}
	editable := func(name string) (bool, string) { return name == "a", "it is not a" }
	before := snapshot(t, tree.root)
	edit := Change{Path: "a", Old: []byte("a"), New: []byte("A"), OldExists: true, NewExists: true}
	for _, c := range []Change{
		{Path: "b", Old: []byte("b"), New: []byte("B"), OldExists: true, NewExists: true},
		removed("b", "b"), made("c", "c"), linked("c", "a"), removed("gone", "x"),
		{Path: "l", Old: []byte("a"), New: []byte("b"), OldExists: true, NewExists: true, OldMode: fs.ModeSymlink},
	} {
		for _, err := range []error{tree.Write(t.Context(), []Change{edit, c}, editable), tree.Check([]Change{edit, c}, editable)} {
			if !errors.Is(err, ErrProtected) || err.Error() != c.Path+": protected file: it is not a" || usererr.Hint(err) == "" {
				t.Errorf("%s: %v", c.Path, err)
			}
		}
	}
	if d := cmp.Diff(before, snapshot(t, tree.root)); d != "" {
		t.Error(d)
	}
	tree.step = nil
	if err := tree.Write(t.Context(), []Change{edit}, editable); err != nil {
		t.Error(err)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	tree := folder(t, map[string]string{"past": "1", "now": "1", "second": "1", "future": "1", "after": "1", "untouched": "1", "unchanged": "1", "link": "-> past"})
	now := time.Now()
	old := map[string]time.Time{
		"past": now.Add(-time.Hour), "now": now.Add(time.Millisecond), "second": now.Truncate(time.Second),
		"future": now.Add(time.Hour), "after": now.Add(-2 * time.Hour), "untouched": now.Add(-time.Minute), "unchanged": now.Add(-time.Minute),
	}
	for name, at := range old {
		if err := os.Chtimes(filepath.Join(tree.root, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	order := []string{"past", "now", "second", "future", "after", "new", "link"}
	var changes []Change
	for _, name := range order[:5] {
		changes = append(changes, Change{Path: name, Old: []byte("1"), New: []byte("2"), OldExists: true, NewExists: true})
	}
	changes = append(changes, made("new", "2"),
		Change{Path: "link", Old: []byte("past"), New: []byte("now"), OldExists: true, NewExists: true, OldMode: fs.ModeSymlink},
		Change{Path: "unchanged", Old: []byte("1"), New: []byte("1"), OldExists: true, NewExists: true})
	if err := tree.Write(t.Context(), changes, nil); err != nil {
		t.Fatal(err)
	}
	modified := func(name string) time.Time {
		info, err := os.Lstat(filepath.Join(tree.root, name))
		if err != nil {
			t.Fatal(err)
		}
		return info.ModTime()
	}
	for i, name := range order {
		if at := modified(name); !at.After(old[name]) {
			t.Errorf("%s: modified at %v, then at %v", name, old[name], at)
		} else if i > 0 && at.Before(modified(order[i-1])) {
			t.Errorf("%s is older than %s", name, order[i-1])
		}
	}
	if at := modified("past"); at.After(time.Now()) {
		t.Errorf("past: modified at %v, in the future", at)
	}
	for _, name := range []string{"untouched", "unchanged"} {
		if at := modified(name); !at.Equal(old[name]) {
			t.Errorf("%s: from %v to %v", name, old[name], at)
		}
	}
	// After another write, it is newer again.
	again := modified("past")
	if err := tree.Write(t.Context(), []Change{{Path: "past", Old: []byte("2"), New: []byte("3"), OldExists: true, NewExists: true}}, nil); err != nil {
		t.Fatal(err)
	}
	if at := modified("past"); !at.After(again) {
		t.Errorf("after another write: from %v to %v", again, at)
	}
}

func TestLater(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 5, 6, 7, 8, 9, 500, time.UTC)
	for _, tt := range []struct{ former, want time.Time }{
		{time.Time{}, now},
		{now.Add(-time.Hour), now},
		{now, now.Add(10 * time.Millisecond)},
		{now.Add(-4 * time.Millisecond), now.Add(6 * time.Millisecond)},
		{now.Add(time.Hour), now.Add(time.Hour + 10*time.Millisecond)},
		{now.Truncate(time.Second), now.Truncate(time.Second).Add(2 * time.Second)},
		{now.Truncate(time.Second).Add(-3 * time.Second), now},
	} {
		if got := later(now, tt.former); !got.Equal(tt.want) {
			t.Errorf("after %v: %v, want %v", tt.former, got, tt.want)
		}
	}
}
