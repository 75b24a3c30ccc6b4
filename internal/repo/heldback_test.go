package repo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestHeldBack leaves what hook managers leave while they hold unstaged changes back.
func TestHeldBack(t *testing.T) {
	t.Parallel()
	edited := func(f *fixture) { f.write("a.txt", "edited\n") }
	leave := func(name string, age time.Duration) func(*fixture) {
		return func(f *fixture) {
			f.write(name, "held\n")
			when := time.Now().Add(-age)
			if err := os.Chtimes(filepath.Join(f.dir, filepath.FromSlash(name)), when, when); err != nil {
				f.t.Fatal(err)
			}
		}
	}
	stashed := func(args ...string) func(*fixture) {
		return func(f *fixture) {
			edited(f)
			f.git(append([]string{"stash"}, args...)...)
		}
	}
	for name, test := range map[string]struct {
		prepare func(f *fixture)
		want    string // the beginning
	}{
		"nobody":                   {prepare: edited},
		"lefthook 1":               {leave(".git/info/lefthook-unstaged.patch", 0), "lefthook holds your unstaged changes back, in .git/info/lefthook-unstaged.patch"},
		"lefthook 2":               {leave(".git/info/lefthook-unstaged-all.patch", 0), "lefthook holds"},
		"lefthook was killed":      {prepare: leave(".git/info/lefthook-unstaged.patch", 2*time.Hour)},
		"lefthook's stash":         {stashed("push", "-m", "lefthook auto backup"), "lefthook holds your unstaged changes back, in a stash"},
		"lint-staged":              {leave(".git/lint-staged_unstaged.patch", 0), "lint-staged holds"},
		"lint-staged's stash":      {stashed("push", "--keep-index", "-m", "lint-staged automatic backup"), "lint-staged holds"},
		"hk":                       {stashed("push", "--keep-index", "-m", "hk"), "hk holds"},
		"overcommit":               {stashed("save", "--keep-index", "-q", "Overcommit: Stash of repo state before hook run at 2026-01-01"), "overcommit holds"},
		"a stash of the user":      {prepare: stashed("push", "-m", "hk is what I try next")},
		"a stash without message":  {prepare: stashed()},
		"a merge with autostash":   {leave(".git/MERGE_AUTOSTASH", 100*time.Hour), "git merge --autostash holds"},
		"a rebase with autostash":  {leave(".git/rebase-merge/autostash", 100*time.Hour), "git rebase --autostash holds"},
		"the stash was popped":     {prepare: func(f *fixture) { stashed("push", "-m", "hk")(f); f.git("stash", "pop") }},
		"a stash with a long line": {prepare: func(f *fixture) { stashed("push", "-m", strings.Repeat("x", 2*maxStashLine))(f) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.write("a.txt", "begin\n")
			f.commit("begin")
			test.prepare(f)
			r := f.open()
			got := ""
			if newest, ok := r.newestStash(t.Context()); ok {
				got = newest.heldBack(time.Now(), time.Time{}, false)
			}
			if got == "" && !strings.Contains(name, "stash") || strings.Contains(name, "autostash") {
				got = r.HeldBack(t.Context())
			}
			if test.want == "" && got != "" || !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestHeldBackInWorktree looks in both git directories of a linked worktree.
func TestHeldBackInWorktree(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write("a.txt", "begin\n")
	f.commit("begin")
	dir := filepath.Join(filepath.Dir(f.dir), "linked [1]")
	f.git("worktree", "add", "-q", "--detach", dir)
	patch := filepath.Join(f.in(dir).open().GitDir(), "lint-staged_unstaged.patch")
	if err := os.WriteFile(patch, []byte("held\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := f.in(dir).open().HeldBack(t.Context()); !strings.HasPrefix(got, "lint-staged holds") {
		t.Errorf("got %q", got)
	}
	if err := os.Remove(patch); err != nil {
		t.Fatal(err)
	}
	f.write(".git/info/lefthook-unstaged.patch", "held\n")
	for _, where := range []*fixture{f, f.in(dir)} {
		if got := where.open().HeldBack(t.Context()); !strings.HasPrefix(got, "lefthook holds") {
			t.Errorf("in %s: got %q", where.dir, got)
		}
	}
}

// TestHeldBackByHook distinguishes the stash of an unknown hook from an older one of the user.
func TestHeldBackByHook(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 1, 2, 3, 4, 5, 500e6, time.UTC)
	second := began.Truncate(time.Second)
	for name, test := range map[string]struct {
		stash  stash
		inHook bool
		want   bool
	}{
		"made by the hook":            {stash{"WIP", second, began.Add(20 * time.Millisecond)}, true, true},
		"made later by the hook":      {stash{"WIP", second.Add(time.Minute), began.Add(time.Minute)}, true, true},
		"made before, in that second": {stash{"WIP", second, began.Add(-100 * time.Millisecond)}, true, false},
		"made before":                 {stash{"WIP", second.Add(-time.Minute), began.Add(-time.Minute)}, true, false},
		"another was popped since":    {stash{"WIP", second.Add(-time.Minute), began.Add(time.Second)}, true, false},
		"outside of hooks":            {stash{"WIP", second.Add(time.Minute), began.Add(time.Minute)}, false, false},
	} {
		if got := test.stash.heldBack(began.Add(time.Minute), began, test.inHook); (got != "") != test.want {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
