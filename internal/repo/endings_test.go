package repo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/patch"
)

// blob stores content in the repository as it is, whatever git's filters would make of it.
func (f *fixture) blob(name, content string) {
	f.t.Helper()
	cmd := exec.Command("git", "hash-object", "-w", "--stdin", "--no-filters")
	cmd.Dir, cmd.Env, cmd.Stdin = f.dir, f.env, strings.NewReader(content)
	out, err := cmd.Output()
	if err != nil {
		f.t.Fatal(err)
	}
	f.git("update-index", "--add", "--cacheinfo", "100644,"+strings.TrimSpace(string(out))+","+name)
}

// raw returns the content of a blob, or of a file on disk.
func (f *fixture) raw(rev string) string {
	f.t.Helper()
	cmd := exec.Command("git", "cat-file", "blob", rev)
	cmd.Dir, cmd.Env = f.dir, f.env
	out, err := cmd.Output()
	if err != nil {
		f.t.Fatalf("%s: %v", rev, err)
	}
	return string(out)
}

func (f *fixture) read(name string) string {
	f.t.Helper()
	content, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(content)
}

// numstat returns the lines of git diff --numstat by file.
func (f *fixture) numstat(args ...string) map[string]string {
	f.t.Helper()
	stats := make(map[string]string)
	for line := range strings.Lines(f.git(append([]string{"diff", "--numstat"}, args...)...)) {
		if at := strings.LastIndexByte(line, '\t'); at > 0 { // not a warning about line endings
			stats[strings.TrimSpace(line[at:])] = line[:at]
		}
	}
	return stats
}

// TestEndings checks that a change to what is staged is a change of its lines only: in the blob and on
// disk, each of which keeps its line endings, whatever git's configuration makes of them; and that
// undoing it restores every byte.
func TestEndings(t *testing.T) {
	t.Parallel()
	const lf = "package m\n\n// one\nfunc one() int { return 1 }\n\n// Last.\n"
	crlf := strings.ReplaceAll(lf, "\n", "\r\n")
	contents := map[string]string{"lf": lf, "crlf": crlf, "mixed": strings.Replace(lf, "\n\n", "\r\n\r\n", 1), "mixed2": strings.Replace(crlf, "1 }\r\n", "1 }\n", 1)}
	for _, tt := range []struct{ config, attributes string }{
		{"", ""},
		{"core.autocrlf=true", ""},
		{"core.autocrlf=true core.safecrlf=true", ""},
		{"core.autocrlf=input", ""},
		{"core.eol=crlf core.safecrlf=true", "*.go text=auto\n"},
		{"", "*.go text\n"},
		{"core.autocrlf=true", "*.go text\n"},
		{"", "*.go eol=crlf\n"},
		{"core.autocrlf=true", "*.go eol=lf\n"},
		{"core.autocrlf=true", "*.go -text\n"},
		{"", "*.go ident\n"},
		{"filter.upper.clean=tr a-z A-Z", "*.go filter=upper\n"},
	} {
		t.Run(fmt.Sprintf("%s %q", tt.config, tt.attributes), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.write(".gitattributes", tt.attributes)
			f.git("add", ".gitattributes")
			var names []string
			for blob, content := range contents {
				for _, disk := range []string{"checkout", "lf", "crlf", "mixed"} {
					name := blob + "-" + disk + ".go"
					names = append(names, name)
					f.blob(name, content)
				}
			}
			f.git("commit", "-qm", "begin")
			for setting := range strings.SplitSeq(tt.config, " core.") {
				if key, value, ok := strings.Cut(setting, "="); ok {
					if !strings.Contains(key, ".") {
						key = "core." + key
					}
					f.git("config", key, value)
				}
			}
			f.git("checkout-index", "--all", "--force", "--quiet")
			for _, name := range names {
				_, disk, _ := strings.Cut(strings.TrimSuffix(name, ".go"), "-")
				if content, ok := contents[disk]; ok {
					f.write(name, content)
				}
			}
			r := f.open()
			dir := t.TempDir()
			if _, err := r.Export(t.Context(), Index(""), dir); err != nil {
				t.Fatal(err)
			}
			edit := func(s string) string { return strings.Replace(s, "return 1", "return 2", 1) }
			var changes []Change
			before, unstaged := make(map[string][2]string), f.numstat()
			for _, name := range names {
				old, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				changes = append(changes, Change{Path: name, Old: old, New: []byte(edit(string(old))), OldExists: true, NewExists: true})
				before[name] = [2]string{f.raw(":" + name), f.read(name)}
			}
			write := func(changes []Change) {
				t.Helper()
				tree, err := r.TreeHash(t.Context(), Index(""))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := r.WriteStaged(t.Context(), Index(""), tree, changes, nil); err != nil {
					t.Fatal(err)
				}
			}
			write(changes)
			stagedNow, unstagedNow := f.numstat("--cached"), f.numstat()
			for _, name := range names {
				was := before[name]
				if got := f.raw(":" + name); got != edit(was[0]) {
					t.Errorf("%s: the blob was\n%q, is\n%q", name, was[0], got)
				}
				if got := f.read(name); got != edit(was[1]) {
					t.Errorf("%s: the file was\n%q, is\n%q", name, was[1], got)
				}
				if stagedNow[name] != "1\t1" || unstagedNow[name] != unstaged[name] {
					t.Errorf("%s: staged are %q; not staged were %q, are %q", name, stagedNow[name], unstaged[name], unstagedNow[name])
				}
			}
			var files []patch.File
			for _, c := range changes {
				files = append(files, patch.Diff(c.Path, c.Path, c.Old, c.New))
			}
			undo, err := r.PlanStaged(context.Background(), Index(""), patch.Reverse(files), patch.Options{})
			if err != nil {
				t.Fatal(err)
			}
			write(undo)
			for _, name := range names {
				if got := f.raw(":" + name); got != before[name][0] {
					t.Errorf("%s: the blob was\n%q, is after the undo\n%q", name, before[name][0], got)
				}
				if got := f.read(name); got != before[name][1] {
					t.Errorf("%s: the file was\n%q, is after the undo\n%q", name, before[name][1], got)
				}
			}
			// Once it is committed, a rollback changes the files only.
			write(changes)
			back, err := r.PlanUndo(changes)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Write(t.Context(), back, nil); err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				if got := f.read(name); !bytes.Equal([]byte(got), []byte(before[name][1])) {
					t.Errorf("%s: the file was\n%q, is after the rollback\n%q", name, before[name][1], got)
				}
			}
		})
	}
}
