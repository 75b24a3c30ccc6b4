package repo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func export(t *testing.T, r *Repo, src Source) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out put") // with a space
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Export(t.Context(), src, dir); err != nil {
		t.Fatal(err)
	}
	return snapshot(t, dir, ".git")
}

// odd is a tree of difficult names and kinds of files.
func odd(f *fixture) map[string]string {
	f.t.Helper()
	files := map[string]string{
		"plain": "p\n", "with space/and\ttab": "s\n", "new\nline": "n\n", "ünï/çödé": "u\n", "-dash": "d\n", ":(top)magic": "m\n", "*.go": "star\n", "a.go": "a\n", "empty": "", "quo\"te\\": "q\n", "crlf": "a\r\nb\r\n",
	}
	for name, content := range files {
		f.write(name, content)
	}
	f.write("run.sh", "r\n")
	if err := os.Chmod(filepath.Join(f.dir, "run.sh"), 0o755); err != nil {
		f.t.Fatal(err)
	}
	files["run.sh"] = "*r\n"
	for name, target := range map[string]string{"link": "plain", "dangling": "nowhere", "outside": "/etc/hostname", "dirlink": "ünï"} {
		if err := os.Symlink(target, filepath.Join(f.dir, name)); err != nil {
			f.t.Fatal(err)
		}
		files[name] = "-> " + target
	}
	return files
}

func TestExport(t *testing.T) {
	t.Parallel()
	eachVariant(t, func(t *testing.T, f *fixture) {
		committed := odd(f)
		f.commit("one")
		staged := maps.Clone(committed)
		f.write("plain", "staged\n")
		f.write("added", "added\n")
		f.git("add", "plain", "added")
		f.git("rm", "-q", "--cached", "--", "-dash")
		staged["plain"], staged["added"] = "staged\n", "added\n"
		delete(staged, "-dash")

		disk := maps.Clone(staged)
		f.write("plain", "unstaged\n")
		f.write("untracked/x", "x\n")
		f.write("intended", "i\n")
		f.git("add", "-N", "intended")
		f.write("ignored", "no\n")
		f.write(".gitignore", "ignored\n")
		if err := os.Remove(filepath.Join(f.dir, "a.go")); err != nil {
			t.Fatal(err)
		}
		disk["plain"], disk["untracked/x"], disk["intended"], disk[".gitignore"], disk["-dash"] = "unstaged\n", "x\n", "i\n", "ignored\n", "d\n"
		delete(disk, "a.go")

		r := f.open()
		before := snapshot(t, r.GitDir())
		tree := snapshot(t, f.dir)
		for _, tt := range []struct {
			src  Source
			want map[string]string
		}{
			{Commit("HEAD"), committed}, {Index(""), staged}, {WorkTree(), disk},
		} {
			if d := cmp.Diff(tt.want, export(t, r, tt.src)); d != "" {
				t.Errorf("%v:\n%s", tt.src, d)
			}
			if _, err := r.TreeHash(t.Context(), tt.src); err != nil {
				t.Errorf("%v: %v", tt.src, err)
			}
			if _, err := r.Changes(t.Context(), "HEAD", tt.src); err != nil {
				t.Errorf("%v: %v", tt.src, err)
			}
		}
		if d := cmp.Diff(before, snapshot(t, r.GitDir())); d != "" {
			t.Errorf("the repository changed:\n%s", d)
		}
		if d := cmp.Diff(tree, snapshot(t, f.dir)); d != "" {
			t.Errorf("the working tree changed:\n%s", d)
		}
	})
}

// TestIndexOfHook exports from inside a real pre-commit hook, in the environment that git gives it.
func TestIndexOfHook(t *testing.T) {
	t.Parallel()
	for _, linked := range []bool{false, true} {
		for _, tt := range []struct {
			name string
			args []string
			want map[string]string
		}{
			{"commit", []string{"commit", "-m", "x"}, map[string]string{"a": "staged", "b": "b"}},
			{"commit -a", []string{"commit", "-am", "x"}, map[string]string{"a": "disk", "b": "disk"}},
			{"commit path", []string{"commit", "-m", "x", "b"}, map[string]string{"a": "a", "b": "disk"}},
		} {
			t.Run(fmt.Sprintf("%s linked=%v", tt.name, linked), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				f.write("a", "a")
				f.write("b", "b")
				f.commit("one")
				main := f
				if linked {
					dir := filepath.Join(filepath.Dir(f.dir), "linked")
					f.git("worktree", "add", "-q", "-b", "topic", dir)
					f = f.in(dir)
				}
				f.write("a", "staged")
				f.git("add", "a")
				f.write("a", "disk")
				f.write("b", "disk")
				seen := filepath.Join(t.TempDir(), "env")
				hook := filepath.Join(main.dir, ".git/hooks/pre-commit")
				// The hook blocks git until the test is done.
				script := "#!/bin/sh\nenv -0 > '" + seen + ".tmp' && mv '" + seen + ".tmp' '" + seen + "'\nwhile [ ! -e '" + seen + ".go' ]; do sleep 0.01; done\nexit 1\n"
				// A process that another test starts meanwhile must not inherit the open
				// file, which could not be run then.
				syscall.ForkLock.RLock()
				err := os.WriteFile(hook, []byte(script), 0o755)
				syscall.ForkLock.RUnlock()
				if err != nil {
					t.Fatal(err)
				}
				done := make(chan struct{})
				r := &Repo{Tree: Tree{git: git{dir: f.dir, env: f.env}}}
				go func() {
					defer close(done)
					r.git.output(context.Background(), tt.args...) //nolint:errcheck // the hook fails
				}()
				defer func() {
					os.WriteFile(seen+".go", nil, 0o644) //nolint:errcheck // otherwise git, and the test, wait forever
					<-done
				}()
				var env []byte
				for wait := 0; len(env) == 0; wait++ {
					if wait > 6000 {
						t.Fatal("the hook did not run")
					}
					time.Sleep(10 * time.Millisecond)
					env, _ = os.ReadFile(seen)
				}
				f.env = strings.Split(strings.TrimSuffix(string(env), "\x00"), "\x00")
				if d := cmp.Diff(tt.want, export(t, f.open(), Index(""))); d != "" {
					t.Error(d)
				}
				files, err := f.open().Changes(t.Context(), "HEAD", Index(""))
				if err != nil {
					t.Fatal(err)
				}
				for _, file := range files {
					if tt.want[file.Name()] == file.Name() {
						t.Errorf("%s did not change", file.Name())
					}
				}
				if len(files) == 0 {
					t.Error("no changes")
				}
			})
		}
	}
}

func TestTreeHash(t *testing.T) {
	t.Parallel()
	eachVariant(t, func(t *testing.T, f *fixture) {
		f.write("x", "1")
		f.commit("one")
		one := f.git("rev-parse", "HEAD^{tree}")
		f.write("x", "2")
		f.git("add", "x")
		f.write("x", "3")
		r := f.open()
		hash := func(src Source) string {
			h, err := r.TreeHash(t.Context(), src)
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		two, three := hash(Index("")), hash(WorkTree())
		if hash(Commit("HEAD")) != one || two == one || three == two || three == one {
			t.Errorf("HEAD %s, index %s, working tree %s", one, two, three)
		}
		f.git("commit", "-q", "-m", "two")
		if got := f.git("rev-parse", "HEAD^{tree}"); got != two {
			t.Errorf("index: got %s, want %s", two, got)
		}
		f.commit("three")
		if got := f.git("rev-parse", "HEAD^{tree}"); got != three {
			t.Errorf("working tree: got %s, want %s", three, got)
		}
	})
}

func TestExportWithoutCommits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write("x", "x")
	r := f.open()
	if got := export(t, r, Index("")); len(got) != 0 {
		t.Errorf("index: %v", got)
	}
	want := map[string]string{"x": "x"}
	if d := cmp.Diff(want, export(t, r, WorkTree())); d != "" {
		t.Error(d)
	}
	if _, err := r.Export(t.Context(), Commit("HEAD"), t.TempDir()); !errors.Is(err, ErrNoCommits) {
		t.Errorf("got %v", err)
	}
	for _, src := range []Source{WorkTree(), Index("")} {
		if _, err := r.TreeHash(t.Context(), src); err != nil {
			t.Error(err)
		}
	}
	files, err := r.Changes(t.Context(), "", WorkTree())
	if err != nil || len(files) != 1 || !files[0].New {
		t.Errorf("got %+v, %v", files, err)
	}
}

func TestWorkTreeIsConfined(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "x"), []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	f.write("dir/x", "x")
	f.commit("one")
	if err := os.RemoveAll(filepath.Join(f.dir, "dir")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(f.dir, "dir")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(f.dir, "nested"), 0o755); err != nil {
		t.Fatal(err)
	}
	nested := f.in(filepath.Join(f.dir, "nested"))
	nested.git("init", "-q")
	nested.write("n", "n")
	if d := cmp.Diff(map[string]string{"dir": "-> " + outside}, export(t, f.open(), WorkTree())); d != "" {
		t.Error(d)
	}
}

func TestExportOfUnmergedIndex(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write("x", "0\n")
	f.commit("base")
	f.git("checkout", "-q", "-b", "side")
	f.write("x", "1\n")
	f.commit("side")
	f.git("checkout", "-q", "main")
	f.write("x", "2\n")
	f.commit("main")
	r := f.open()
	if _, err := r.git.output(t.Context(), "merge", "side"); err == nil {
		t.Fatal("no conflict")
	}
	if _, err := r.Export(t.Context(), Index(""), t.TempDir()); !errors.Is(err, ErrUnmerged) {
		t.Errorf("export: %v", err)
	}
	if _, err := r.TreeHash(t.Context(), Index("")); !errors.Is(err, ErrUnmerged) {
		t.Errorf("hash: %v", err)
	}
	if got := export(t, r, WorkTree()); !strings.Contains(got["x"], "<<<<<<<") {
		t.Errorf("working tree: %v", got)
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	eachVariant(t, func(t *testing.T, f *fixture) {
		for key, value := range map[string]string{
			"diff.noprefix": "true", "diff.mnemonicPrefix": "true", "diff.renames": "copies", "color.ui": "always",
			"diff.context": "0", "diff.external": "false", "core.quotePath": "true", "diff.submodule": "log",
		} {
			f.git("config", key, value)
		}
		f.write(".gitattributes", "*.conv diff=conv\n")
		f.git("config", "diff.conv.textconv", "false")
		long := strings.Repeat("line\n", 10)
		odd(f)
		f.write("file.conv", long)
		f.write("moved", long)
		f.write("bin", "\x00\x01")
		f.commit("one")
		f.write("file.conv", long+"more\n")
		f.git("mv", "moved", "ünï/renamed")
		f.write("bin", "\x00\x02")
		f.write("new\nline", "edited\n")
		if err := os.Chmod(filepath.Join(f.dir, "plain"), 0o755); err != nil {
			t.Fatal(err)
		}
		f.git("add", "-A")
		f.write("untracked", "u\n")
		r := f.open()
		want := map[string]string{
			"file.conv": "1 hunks", "moved": "deleted 1 hunks", "ünï/renamed": "new 1 hunks", "bin": "binary 0 hunks",
			"new\nline": "1 hunks", "plain": "executable 0 hunks",
		}
		changes := func(src Source) map[string]string {
			files, err := r.Changes(t.Context(), "HEAD", src)
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[string]string)
			for _, file := range files {
				s := ""
				for word, is := range map[string]bool{"new ": file.New, "deleted ": file.Delete, "binary ": file.Binary, "executable ": file.NewMode == 0o755 && file.OldMode == 0o644} {
					if is {
						s += word
					}
				}
				got[file.Name()] = fmt.Sprintf("%s%d hunks", s, len(file.Hunks))
			}
			return got
		}
		if d := cmp.Diff(want, changes(Index(""))); d != "" {
			t.Error(d)
		}
		want["untracked"] = "new 1 hunks"
		if d := cmp.Diff(want, changes(WorkTree())); d != "" {
			t.Error(d)
		}
		delete(want, "untracked")
		f.git("commit", "-q", "-m", "two")
		files, err := r.Changes(t.Context(), "HEAD~1", Commit("HEAD"))
		if err != nil || len(files) != len(want) {
			t.Errorf("commit: %d files, %v", len(files), err)
		}
	})
}

func TestCancelledExport(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write("x", "x")
	f.write(".gitattributes", "x filter=slow\n")
	f.git("config", "filter.slow.clean", "cat")
	pids := filepath.Join(t.TempDir(), "pid")
	f.git("config", "filter.slow.smudge", "echo $$ > '"+pids+"'; exec sleep 1000")
	f.commit("one")
	r := f.open()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for range 6000 {
			if b, err := os.ReadFile(pids); err == nil && len(b) > 0 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
	}()
	start := time.Now()
	if _, err := r.Export(ctx, Commit("HEAD"), t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
	pid, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	for wait := 0; ; wait++ {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			break
		}
		if wait > 3000 {
			t.Fatal("the filter still runs")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// An export contains what a sparse checkout leaves out of the working tree.
func TestExportOfSparseCheckout(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write("in/a.txt", "1\n")
	f.write("out/b.txt", "2\n")
	f.commit("one")
	f.git("sparse-checkout", "set", "in")
	f.write("in/a.txt", "edited\n")
	for name, src := range map[string]Source{"index": Index(""), "commit": Commit("HEAD"), "working tree": WorkTree()} {
		dir := t.TempDir()
		if _, err := f.open().Export(t.Context(), src, dir); err != nil {
			t.Fatal(err)
		}
		got := snapshot(t, dir, ".git")
		if keys := sortedKeys(got); !slices.Equal(keys, []string{"in/a.txt", "out/b.txt"}) {
			t.Errorf("%s: exported %q", name, keys)
		}
		if edited := got["in/a.txt"] == "edited\n"; edited != (name == "working tree") {
			t.Errorf("%s: %q", name, got["in/a.txt"])
		}
	}
}
