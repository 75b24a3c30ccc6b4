package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// scenario is a tree and a set of changes of every kind to it.
type scenario struct {
	tree          *Tree
	changes       []Change
	before, after map[string]string
	stamps        map[string]string // of before
}

// every is a change of every kind. What the tests have numbers for comes first.
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
		{Path: "case.go", Old: []byte("case\n"), OldExists: true},
		{Path: "Case.go", New: []byte("case\n"), NewExists: true},
	}
}

func newScenario(t *testing.T) *scenario {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"edit.go": "old\n", "dir/run.sh": "*#!/bin/sh\n", "gone/deep/x.go": "x\n", "chmod.sh": "same\n",
		"untouched.go": "u\n", "dir/other.go": "o\n", "dir/less.sh": "*l\n", "dir/link": "-> other.go", "gone/link": "-> /nowhere",
		"to-link": "file\n", "to-file": "-> dir", "case.go": "case\n",
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

// stamps tells permissions and modification time of every file below dir.
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

// whole fails the test unless all was written, or nothing was and every file is as it
// was, to the nanosecond.
func (s *scenario) whole(t *testing.T, what string) {
	t.Helper()
	now := s.now(t)
	switch {
	case maps.Equal(now, s.after):
	case !maps.Equal(now, s.before):
		t.Fatalf("%s left it half done, compared with before:\n%s\nand with after:\n%s", what, cmp.Diff(s.before, now), cmp.Diff(s.after, now))
	default:
		if d := cmp.Diff(s.stamps, stamps(t, s.tree.root)); d != "" {
			t.Fatalf("%s: modes and times are not restored:\n%s", what, d)
		}
	}
}

func (s *scenario) now(t *testing.T) map[string]string { return snapshot(t, s.tree.root) }

// steps are the names of the steps that a whole write takes.
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
		t.Errorf("too few steps for this test to mean anything: %v", steps)
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

// errCrash stands for the end of the process: no code of ours runs after it.
var errCrash = errors.New("crash")

// crashing runs do until the process "dies" at the nth step, and tells whether
// it got that far.
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
	do() //nolint:errcheck // it crashes, or it does not
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
		// The recovery crashes too, further on each time, until it gets through.
		for again := 0; crashing(s.tree, again, func() error { return s.tree.Recover(t.Context()) }); again++ {
			if again > 100 {
				t.Fatal("recovery does not end")
			}
		}
		s.whole(t, fmt.Sprintf("crash at step %d", nth))
		if err := s.tree.Write(t.Context(), nil, nil); err != nil {
			t.Fatalf("crash at step %d: cannot write any more: %v", nth, err)
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
			want = s.after // all was written before
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
		if !errors.Is(err, ErrEdited) || !strings.Contains(err.Error(), "dir/run.sh") || !strings.Contains(err.Error(), "\nhint: ") {
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
				t.Fatalf("crash at step %d: the edit is lost: %q", nth, now["edit.go"])
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
	if d := cmp.Diff(s.before, s.now(t)); d != "" {
		t.Error(d)
	}
}

func TestUnwritableFolderUndoes(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	// A folder where a file should go makes the rename fail, even for root.
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
	const writers, rounds = 4, 10
	done := make(chan error, writers)
	for range writers {
		go func() {
			tree, err := Dir(dir)
			for range rounds {
				if err != nil {
					break
				}
				err = increment(tree)
			}
			done <- err
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if got := snapshot(t, dir); !maps.Equal(got, map[string]string{"n": strconv.Itoa(writers * rounds)}) {
		t.Errorf("got %v", got)
	}
}

// increment adds one to the number in the file "n", however often it takes.
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

// The variables by which TestMain becomes a writer that is killed, or one on a
// full disk.
const (
	writerVar = "REGREEN_TEST_WRITER"
	fullVar   = "REGREEN_TEST_FULL"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerVar); dir != "" {
		os.Exit(writeForever(dir))
	}
	if dir := os.Getenv(fullVar); dir != "" {
		os.Exit(writeOnFullDisk(dir))
	}
	os.Exit(m.Run())
}

// pair are two files of the same content; a transaction changes both.
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
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), writerVar+"="+dir)
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
		// The lock's file may be left; the next writer removes it.
		if err := tree.Write(t.Context(), nil, nil); err != nil {
			t.Fatal(err)
		}
		now := snapshot(t, dir)
		if len(now) != 2 || now[pair[0]] != now[pair[1]] {
			t.Fatalf("half done: %.200v", now)
		}
	}
}

// writeOnFullDisk runs with a limit on the size of files, and tells by its status
// whether a file above it was refused and nothing changed.
func writeOnFullDisk(dir string) int {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 4096, Max: 4096}); err != nil {
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
	if !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), "\nhint: ") {
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
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fullVar+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if now := snapshot(t, dir); !maps.Equal(now, map[string]string{"a": "a"}) {
		t.Errorf("got %v", now)
	}
}
