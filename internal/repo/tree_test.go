package repo

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/usererr"
)

// scenario is a tree and a set of changes of every kind.
type scenario struct {
	tree          *Tree
	changes       []Change
	before, after map[string]string
	stamps        map[string]string // of before
}

// every is a change of every kind. The tests refer to the first ones by number.
func every() []Change {
	link := fs.ModeSymlink
	return []Change{
		{Path: "edit.go", Old: []byte("old\n"), New: []byte("new\n"), OldExists: true, NewExists: true},
		{Path: "dir/run.sh", Old: []byte("#!/bin/sh\n"), New: []byte("#!/bin/sh\necho\n"), OldExists: true, NewExists: true},
		{Path: "gone/deep/x.go", Old: []byte("x\n"), OldExists: true},
		{Path: "made/deep/y.go", New: []byte("y\n"), NewExists: true},
		{Path: "made/z.sh", New: []byte("z\n"), NewExists: true, Mode: 0o755},
		{Path: "chmod.sh", Old: []byte("same\n"), New: []byte("same\n"), OldExists: true, NewExists: true, Mode: 0o755},
		{Path: "dir/other.go", Old: []byte("o\n"), New: []byte("o\n"), OldExists: true, NewExists: true},
		{Path: "dir/less.sh", Old: []byte("l\n"), New: []byte("l\n"), OldExists: true, NewExists: true, Mode: 0o644},
		{Path: "dir/link", Old: []byte("other.go"), New: []byte("../edit.go"), OldExists: true, NewExists: true, OldMode: link},
		{Path: "gone/link", Old: []byte("/nowhere"), OldExists: true, OldMode: link},
		{Path: "made/link", New: []byte("deep/y.go"), NewExists: true, Mode: link},
		{Path: "to-link", Old: []byte("file\n"), New: []byte("dir"), OldExists: true, NewExists: true, Mode: link},
		{Path: "to-file", Old: []byte("dir"), New: []byte("file\n"), OldExists: true, NewExists: true, OldMode: link, Mode: 0o755},
	}
}

// fastDir returns a directory in memory, if there is one: the tests that crash at every step sync
// thousands of times, and never lose power.
func fastDir(t *testing.T) string {
	t.Helper()
	memory, ok := memoryDir()
	if !ok {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "regreen-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func newScenario(t *testing.T) *scenario {
	t.Helper()
	dir := fastDir(t)
	for name, content := range map[string]string{
		"edit.go": "old\n", "dir/run.sh": "*#!/bin/sh\n", "gone/deep/x.go": "x\n", "chmod.sh": "same\n",
		"untouched.go": "u\n", "dir/other.go": "o\n", "dir/less.sh": "*l\n", "dir/link": "-> other.go", "gone/link": "-> /nowhere",
		"to-link": "file\n", "to-file": "-> dir",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			if err := os.Symlink(target, file); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, executable := strings.CutPrefix(content, "*")
		if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		if executable {
			if err := os.Chmod(file, 0o751); err != nil {
				t.Fatal(err)
			}
		}
	}
	tree, err := Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := &scenario{tree: tree, changes: every(), before: snapshot(t, dir), stamps: stamps(t, dir)}
	s.after = maps.Clone(s.before)
	for _, c := range s.changes {
		switch executable := c.Mode&0o100 != 0 || c.Mode == 0 && strings.HasPrefix(s.before[c.Path], "*"); {
		case !c.NewExists:
			delete(s.after, c.Path)
		case c.newLink():
			s.after[c.Path] = "-> " + string(c.New)
		case executable:
			s.after[c.Path] = "*" + string(c.New)
		default:
			s.after[c.Path] = string(c.New)
		}
	}
	return s
}

// stamps returns permissions and modification time of every file below dir.
func stamps(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			out[strings.TrimPrefix(name, dir)] = info.Mode().String() + " " + info.ModTime().String()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// whole fails the test unless everything was written, or nothing was and every file is unchanged,
// to the nanosecond.
func (s *scenario) whole(t *testing.T, what string) {
	t.Helper()
	now := s.now(t)
	switch {
	case maps.Equal(now, s.after):
	case !maps.Equal(now, s.before):
		t.Fatalf("half done after %s, compared with before:\n%s\nand with after:\n%s", what, cmp.Diff(s.before, now), cmp.Diff(s.after, now))
	default:
		if d := cmp.Diff(s.stamps, stamps(t, s.tree.root)); d != "" {
			t.Fatalf("%s: modes and times were not restored:\n%s", what, d)
		}
	}
}

func (s *scenario) now(t *testing.T) map[string]string { return snapshot(t, s.tree.root) }

// steps returns the names of the steps of a complete write.
func (s *scenario) steps(t *testing.T) []string {
	t.Helper()
	var steps []string
	s.tree.step = func(name string) error {
		steps = append(steps, name)
		return nil
	}
	if err := s.tree.Write(t.Context(), s.changes, nil); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s.after, s.now(t)); d != "" {
		t.Fatal(d)
	}
	return steps
}

func TestWrite(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	if steps := s.steps(t); len(steps) < 10 {
		t.Errorf("too few steps for a useful test: %v", steps)
	}
}

func TestWriteKeepsPermissions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tree, err := Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, perm := range []fs.FileMode{0o600, 0o444, 0o750, 0o777, 0o644 | fs.ModeSetgid} {
		name := fmt.Sprintf("f%o", perm.Perm())
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, perm); err != nil {
			t.Fatal(err)
		}
		if err := tree.Write(t.Context(), []Change{{Path: name, New: []byte("x"), OldExists: true, NewExists: true}}, nil); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != perm {
			t.Errorf("%v became %v", perm, info.Mode())
		}
	}
}

// errCrash means the end of the process: no code runs after it.
var errCrash = errors.New("crash")

// crashing runs do until the process "dies" at the nth step, and reports whether it got that far.
func crashing(tree *Tree, nth int, do func() error) (crashed bool) {
	n := 0
	tree.step = func(string) error {
		if n++; n > nth {
			panic(errCrash)
		}
		return nil
	}
	defer func() {
		tree.step = nil
		if p := recover(); p != nil {
			if p != errCrash { //nolint:errorlint // the very value
				panic(p)
			}
			crashed = true
		}
	}()
	do() //nolint:errcheck // it may crash
	return false
}

func TestCrashAtEveryStep(t *testing.T) {
	t.Parallel()
	for nth := 0; ; nth++ {
		s := newScenario(t)
		if !crashing(s.tree, nth, func() error { return s.tree.Write(t.Context(), s.changes, nil) }) {
			if nth < 10 {
				t.Fatalf("only %d steps", nth)
			}
			return
		}
		// The recovery crashes too, later each time, until it succeeds.
		for again := 0; crashing(s.tree, again, func() error { return s.tree.Recover(t.Context()) }); again++ {
			if again > 100 {
				t.Fatal("recovery does not end")
			}
		}
		s.whole(t, fmt.Sprintf("crash at step %d", nth))
		if err := s.tree.Write(t.Context(), nil, nil); err != nil {
			t.Fatalf("crash at step %d: the next write fails: %v", nth, err)
		}
	}
}

func TestFailureAtEveryStep(t *testing.T) {
	t.Parallel()
	full := &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	for nth := range newScenario(t).steps(t) {
		s := newScenario(t)
		n, failed := 0, ""
		s.tree.step = func(name string) error {
			if n++; n == nth+1 {
				failed = name
				return full
			}
			return nil
		}
		err := s.tree.Write(t.Context(), s.changes, nil)
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("%s: %v", failed, err)
		}
		s.tree.step = nil
		if err := s.tree.Recover(t.Context()); err != nil {
			t.Fatalf("%s: %v", failed, err)
		}
		want := s.before
		if slices.Contains([]string{"prune", "close", "clear up", "unlock"}, strings.TrimRight(failed, " 0123456789")) {
			want = s.after // everything was written
		}
		if d := cmp.Diff(want, s.now(t)); d != "" {
			t.Fatalf("failure at %q:\n%s", failed, d)
		}
		s.whole(t, failed)
	}
}

func TestOtherFileSystem(t *testing.T) {
	t.Parallel()
	across := func(tree *Tree, more func(string)) {
		tree.step = func(name string) error {
			more(name)
			if strings.HasPrefix(name, "place ") {
				return syscall.EXDEV
			}
			return nil
		}
	}
	s := newScenario(t)
	renames := 0
	across(s.tree, func(name string) {
		if strings.HasPrefix(name, "rename ") {
			renames++
		}
	})
	if err := s.tree.Write(t.Context(), s.changes, nil); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s.after, s.now(t)); d != "" || renames == 0 {
		t.Fatal(renames, d)
	}
	for nth := range renames {
		s := newScenario(t)
		func() {
			defer func() {
				if p := recover(); p != errCrash { //nolint:errorlint // the very value
					t.Fatal("did not crash", p)
				}
			}()
			n := 0
			across(s.tree, func(name string) {
				if !strings.HasPrefix(name, "rename ") {
					return
				}
				if n++; n > nth {
					panic(errCrash)
				}
			})
			s.tree.Write(t.Context(), s.changes, nil) //nolint:errcheck // it crashes
		}()
		s.tree.step = nil
		if err := s.tree.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(s.before, s.now(t)); d != "" {
			t.Fatalf("crash before rename %d:\n%s", nth, d)
		}
	}
}

func TestEditedMeanwhile(t *testing.T) {
	t.Parallel()
	edit := func(t *testing.T, s *scenario, name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(s.tree.root, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		s := newScenario(t)
		edit(t, s, "dir/run.sh", "mine")
		before := s.now(t)
		err := s.tree.Write(t.Context(), s.changes, nil)
		if !errors.Is(err, ErrEdited) || !strings.Contains(err.Error(), "dir/run.sh") || usererr.Hint(err) == "" {
			t.Errorf("got %v", err)
		}
		if d := cmp.Diff(before, s.now(t)); d != "" {
			t.Error(d)
		}
	})
	t.Run("new file exists", func(t *testing.T) {
		t.Parallel()
		s := newScenario(t)
		if err := os.MkdirAll(filepath.Join(s.tree.root, "made"), 0o755); err != nil {
			t.Fatal(err)
		}
		edit(t, s, "made/z.sh", "mine")
		before := s.now(t)
		if err := s.tree.Write(t.Context(), s.changes, nil); !errors.Is(err, ErrEdited) {
			t.Errorf("got %v", err)
		}
		if d := cmp.Diff(before, s.now(t)); d != "" {
			t.Error(d)
		}
	})
	t.Run("gone", func(t *testing.T) {
		t.Parallel()
		s := newScenario(t)
		if err := os.Remove(filepath.Join(s.tree.root, "edit.go")); err != nil {
			t.Fatal(err)
		}
		if err := s.tree.Write(t.Context(), s.changes, nil); !errors.Is(err, ErrEdited) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("during", func(t *testing.T) {
		t.Parallel()
		s := newScenario(t)
		s.tree.step = func(name string) error {
			if name == "apply 5" {
				edit(t, s, "chmod.sh", "mine")
			}
			return nil
		}
		if err := s.tree.Write(t.Context(), s.changes, nil); !errors.Is(err, ErrEdited) {
			t.Errorf("got %v", err)
		}
		s.before["chmod.sh"] = "mine"
		if d := cmp.Diff(s.before, s.now(t)); d != "" {
			t.Error(d)
		}
	})
	t.Run("after a crash", func(t *testing.T) {
		t.Parallel()
		for nth := 0; ; nth++ {
			s := newScenario(t)
			if !crashing(s.tree, nth, func() error { return s.tree.Write(t.Context(), s.changes, nil) }) {
				return
			}
			edit(t, s, "edit.go", "mine")
			if err := s.tree.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			now := s.now(t)
			if now["edit.go"] != "mine" {
				t.Fatalf("crash at step %d: lost the edit: %q", nth, now["edit.go"])
			}
			s.before["edit.go"], s.after["edit.go"] = "mine", "mine"
			if !maps.Equal(now, s.before) && !maps.Equal(now, s.after) {
				t.Fatalf("crash at step %d:\n%s", nth, cmp.Diff(s.before, now))
			}
		}
	})
}

func TestBadPaths(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	outside := t.TempDir()
	for name, target := range map[string]string{"link": outside, "inner": "dir", "file.go": "edit.go"} {
		if err := os.Symlink(target, filepath.Join(s.tree.root, name)); err != nil {
			t.Fatal(err)
		}
	}
	before := s.now(t)
	for _, name := range []string{
		"", ".", "..", "../x", "/etc/x", "a/../../x", "a//b", "a/", "./a", "nul\x00",
		".git/config", ".git", "sub/.GIT/hooks/x", ".git./x", "git~1/config", ".git::$INDEX_ALLOCATION/x",
		".regreen-write/journal.json", "link/x", "inner/x", "file.go", "dir", "edit.go/x", "edit.go/a/x", "link/a/x",
	} {
		err := s.tree.Write(t.Context(), []Change{s.changes[0], {Path: name, New: []byte("x"), NewExists: true}}, nil)
		if !errors.Is(err, ErrBadPath) {
			t.Errorf("%q: got %v", name, err)
		}
	}
	twice := []Change{s.changes[0], s.changes[0]}
	if err := s.tree.Write(t.Context(), twice, nil); !errors.Is(err, ErrBadPath) {
		t.Errorf("twice: got %v", err)
	}
	if d := cmp.Diff(before, s.now(t)); d != "" {
		t.Error(d)
	}
	if left := snapshot(t, outside); len(left) > 0 {
		t.Errorf("written outside: %v", left)
	}
}

func TestCancelledWrite(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.tree.step = func(name string) error {
		if name == "stage 2 old" {
			cancel()
		}
		return nil
	}
	if err := s.tree.Write(ctx, s.changes, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := s.tree.Write(ctx, s.changes, nil); !errors.Is(err, context.Canceled) || !usererr.IsUnchanged(err) {
		t.Errorf("cancelled before: %v does not say that nothing was changed", err)
	}
	if d := cmp.Diff(s.before, s.now(t)); d != "" {
		t.Error(d)
	}
}

func TestUnwritableDirectoryUndoes(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	// A directory in the place of a file makes the rename fail, even for root.
	s.tree.step = func(name string) error {
		if name == "place 4" {
			return os.Mkdir(filepath.Join(s.tree.root, "made/z.sh"), 0o755)
		}
		return nil
	}
	if err := s.tree.Write(t.Context(), s.changes, nil); err == nil || !strings.Contains(err.Error(), "made/z.sh") {
		t.Errorf("got %v", err)
	}
	s.before["made/z.sh/"] = ""
	if d := cmp.Diff(s.before, s.now(t)); d != "" {
		t.Error(d)
	}
}

func TestWritersTakeTurns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "n"), []byte("0"), 0o644); err != nil {
		t.Fatal(err)
	}
	const writers = 4
	done := make(chan error, writers)
	for range writers {
		go func() {
			out, err := child(countVar + "=" + dir).CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w\n%s", err, out)
			}
			done <- err
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := snapshot(t, dir); !maps.Equal(got, map[string]string{"n": strconv.Itoa(writers * rounds)}) {
		t.Errorf("got %v", got)
	}
}

// rounds is how often each of several processes adds 1.
const rounds = 10

func count(dir string) int {
	tree, err := Dir(dir)
	for range rounds {
		if err == nil {
			err = increment(tree)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// increment adds 1 to the number in the file "n", and tries until it succeeds.
func increment(tree *Tree) error {
	for {
		old, err := os.ReadFile(filepath.Join(tree.root, "n"))
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(old))
		if err != nil {
			return err
		}
		err = tree.Write(context.Background(), []Change{{Path: "n", Old: old, New: []byte(strconv.Itoa(n + 1)), OldExists: true, NewExists: true}}, nil)
		if !errors.Is(err, ErrEdited) {
			return err
		}
	}
}

// The variables that make TestMain a writer: one that is killed, one of several, one on a full
// disk, and one that kills itself.
const (
	writerVar = "REGREEN_TEST_WRITER"
	countVar  = "REGREEN_TEST_COUNT"
	fullVar   = "REGREEN_TEST_FULL"
	diesVar   = "REGREEN_TEST_DIES"
)

func TestMain(m *testing.M) {
	for name, run := range map[string]func(string) int{writerVar: writeForever, countVar: count, fullVar: writeOnFullDisk, diesVar: writeAndDie} {
		if arg := os.Getenv(name); arg != "" {
			os.Exit(run(arg))
		}
	}
	os.Exit(m.Run())
}

// child returns the test program as another process.
func child(env string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env)
	return cmd
}

// death is a write during which the process dies.
type death struct {
	Dir    string
	Step   int  // before which the process is killed, from 0; -1 for none
	Across bool // as if the journal were on another file system
	Undo   bool // the last file cannot be written, so everything is undone
	Again  bool // only recover
}

func writeAndDie(arg string) int {
	var d death
	err := json.Unmarshal([]byte(arg), &d)
	var tree *Tree
	if err == nil {
		tree, err = Dir(d.Dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	n := 0
	tree.step = func(name string) error {
		if n == d.Step {
			if self, err := os.FindProcess(os.Getpid()); err == nil {
				_ = self.Kill()
			}
			select {}
		}
		n++
		switch {
		case d.Undo && name == "apply 11": // the last
			return syscall.EROFS
		case d.Across && strings.HasPrefix(name, "place "):
			return syscall.EXDEV
		}
		return nil
	}
	if d.Again {
		err = tree.Recover(context.Background())
	} else {
		err = tree.Write(context.Background(), every(), nil)
	}
	if err != nil && !(d.Undo && errors.Is(err, syscall.EROFS)) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestKilledAtEveryStep kills a process before each of its steps on the disk, and then the process
// that recovers.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	steps := newScenario(t).steps(t)
	for name, d := range map[string]death{
		"plain":               {},
		"across file systems": {Across: true, Step: slices.Index(steps, "begin")},
		"undo":                {Undo: true, Step: slices.Index(steps, "apply 11")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for first := d.Step; ; d.Step++ {
				s := newScenario(t)
				d.Dir = s.tree.root
				if !d.dies(t) {
					if d.Step < first+30 {
						t.Errorf("only %d steps", d.Step-first)
					}
					s.whole(t, "no death")
					return
				}
				again := d
				again.Again, again.Step = true, d.Step%11
				again.dies(t)
				if d.Across { // the parent has no second file system
					again.Step = -1
					again.dies(t)
				}
				if err := s.tree.Recover(t.Context()); err != nil {
					t.Fatalf("killed at step %d: %v", d.Step, err)
				}
				if err := s.tree.Write(t.Context(), nil, nil); err != nil { // also removes the lock's file
					t.Fatalf("killed at step %d: %v", d.Step, err)
				}
				s.whole(t, fmt.Sprintf("killed at step %d", d.Step))
				if maps.Equal(s.now(t), s.after) {
					continue
				}
				if err := s.tree.Write(t.Context(), s.changes[:1], nil); err != nil {
					t.Fatalf("killed at step %d, then: %v", d.Step, err)
				}
			}
		})
	}
}

// dies runs the write in its own process and reports whether that was killed.
func (d death) dies(t *testing.T) bool {
	t.Helper()
	arg, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	out, err := child(diesVar + "=" + string(arg)).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
			return true
		}
	}
	if err != nil {
		t.Fatalf("%+v: %v\n%s", d, err, out)
	}
	return false
}

// TestJournalOfOldVersion recovers from the journal of a regreen that did not support links.
func TestJournalOfOldVersion(t *testing.T) {
	t.Parallel()
	tree := folder(t, map[string]string{
		"a": "new", "b": "old", "gone/c": "c",
		".regreen-write/0.old": "old", ".regreen-write/1.old": "old", ".regreen-write/1.new": "new", ".regreen-write/2.new": "c",
		".regreen-write/journal.json": fmt.Sprintf(`{"entries": [
			{"path": "a", "old": {"sha256": "%x"}, "new": {"sha256": "%x"}},
			{"path": "b", "old": {"sha256": "%[1]x"}, "new": {"sha256": "%[2]x", "executable": true}},
			{"path": "gone/c", "old": {}, "new": {"sha256": "%[3]x"}, "made": ["gone"]}]}`,
			sha256.Sum256([]byte("old")), sha256.Sum256([]byte("new")), sha256.Sum256([]byte("c"))),
	})
	if err := tree.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"a": "old", "b": "old"}, snapshot(t, tree.root)); d != "" {
		t.Error(d)
	}
}

// TestDirectoryVanishes removes a directory between planning and writing.
func TestDirectoryVanishes(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"make the folder", "stage 0 old", "begin", "apply 0", "apply 1"} {
		for _, gone := range []string{"dir", "into"} {
			tree := folder(t, map[string]string{"a": "a", "dir/b": "b", "into/keep": "k"})
			want := snapshot(t, tree.root)
			for name := range want {
				if strings.HasPrefix(name, gone+"/") {
					delete(want, name)
				}
			}
			tree.step = func(name string) error {
				if name == step {
					return os.RemoveAll(filepath.Join(tree.root, gone))
				}
				return nil
			}
			err := tree.Write(t.Context(), []Change{
				{Path: "a", Old: []byte("a"), New: []byte("A"), OldExists: true, NewExists: true},
				{Path: "dir/b", Old: []byte("b"), New: []byte("B"), OldExists: true, NewExists: true},
				made("into/new/c", "c"),
			}, nil)
			if !errors.Is(err, ErrEdited) || !strings.HasPrefix(err.Error(), gone) {
				t.Errorf("%s, %s is gone: %v", step, gone, err)
			}
			if d := cmp.Diff(want, snapshot(t, tree.root)); d != "" {
				t.Errorf("%s, %s is gone:\n%s", step, gone, d)
			}
		}
	}
}

// TestReadOnly has the disk refuse each kind of step that can fail for a user.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"place 1", "remove 2", "make folders 3", "place 5", "place 9"} {
		for _, cause := range []error{syscall.EACCES, syscall.EROFS} {
			s := newScenario(t)
			s.tree.step = func(name string) error {
				if name == step {
					return cause
				}
				return nil
			}
			err := s.tree.Write(t.Context(), s.changes, nil)
			if !errors.Is(err, cause) || !strings.Contains(usererr.Hint(err), "make the file and its directory writable") {
				t.Errorf("%s: %v", step, err)
			}
			if d := cmp.Diff(s.before, s.now(t)); d != "" {
				t.Fatalf("%s:\n%s", step, d)
			}
			s.whole(t, step)
		}
	}
}

// A read-only file is replaced, like in git, and stays read-only. A file in a read-only directory
// cannot be replaced.
func TestReadOnlyOnDisk(t *testing.T) {
	t.Parallel()
	tree := folder(t, map[string]string{"a": "a", "dir/b": "b"})
	if err := os.Chmod(filepath.Join(tree.root, "a"), 0o444); err != nil {
		t.Fatal(err)
	}
	a := Change{Path: "a", Old: []byte("a"), New: []byte("A"), OldExists: true, NewExists: true}
	if err := tree.Write(t.Context(), []Change{a}, nil); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(tree.root, "dir")
	asNobody(t, tree.root, filepath.Join(tree.root, "a"), dir, filepath.Join(dir, "b"))
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	before := snapshot(t, tree.root)
	for _, c := range []Change{{Path: "dir/b", Old: []byte("b"), New: []byte("B"), OldExists: true, NewExists: true}, removed("dir/b", "b"), made("dir/c", "c")} {
		err := tree.Write(t.Context(), []Change{{Path: "a", Old: []byte("A"), New: []byte("x"), OldExists: true, NewExists: true}, c}, nil)
		if !errors.Is(err, fs.ErrPermission) || usererr.Hint(err) == "" {
			t.Errorf("%s: %v", c.Path, err)
		}
		if d := cmp.Diff(before, snapshot(t, tree.root)); d != "" {
			t.Error(d)
		}
	}
}

// pair is two files with the same content. A transaction changes both.
var pair = []string{"a/one", "two"}

func writeForever(dir string) int {
	tree, err := Dir(dir)
	for n := 0; err == nil; n++ {
		old := []byte(strings.Repeat(strconv.Itoa(n), 1000))
		new := []byte(strings.Repeat(strconv.Itoa(n+1), 1000))
		var changes []Change
		for _, name := range pair {
			changes = append(changes, Change{Path: name, Old: old, New: new, OldExists: true, NewExists: true})
		}
		if err = tree.Write(context.Background(), changes, nil); n == 0 {
			fmt.Println("writing")
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func TestKilledWriter(t *testing.T) {
	t.Parallel()
	for i := range 20 {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "a"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range pair {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("0", 1000)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		cmd := child(writerVar + "=" + dir)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := stdout.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i*317) * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the writer was not killed")
		}
		tree, err := Dir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		// The lock's file may exist; the next writer removes it.
		if err := tree.Write(t.Context(), nil, nil); err != nil {
			t.Fatal(err)
		}
		now := snapshot(t, dir)
		if len(now) != 2 || now[pair[0]] != now[pair[1]] {
			t.Fatalf("half done: %.200v", now)
		}
	}
}

// writeOnFullDisk runs with a limit on the size of files. Its status says whether a file above the
// limit was refused and nothing changed.
func writeOnFullDisk(dir string) int {
	if err := limitFileSize(4096); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	tree, err := Dir(dir)
	if err == nil {
		err = tree.Write(context.Background(), []Change{
			{Path: "a", Old: []byte("a"), New: []byte("b"), OldExists: true, NewExists: true},
			{Path: "big", New: []byte(strings.Repeat("x", 8192)), NewExists: true},
		}, nil)
	}
	if !errors.Is(err, syscall.EFBIG) || usererr.Hint(err) == "" {
		fmt.Fprintln(os.Stderr, "got", err)
		return 1
	}
	return 0
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("a"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := child(fullVar + "=" + dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if now := snapshot(t, dir); !maps.Equal(now, map[string]string{"a": "a"}) {
		t.Errorf("got %v", now)
	}
}
