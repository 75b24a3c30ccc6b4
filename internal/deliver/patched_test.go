package deliver

import (
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/forge/githubtest"
	"github.com/regreen-ci/regreen/internal/report"
)

func TestPatched(t *testing.T) {
	t.Parallel()
	api := githubtest.New(t)
	var head string
	api.Git, head = githubtest.NewGit(t, map[string]string{"a.go": "package a\n\nvar x = 1\nvar y = 2\n", "sub/b.go": "package b\n", "a_test.go": "package a\n"})
	g, err := forge.NewGitHub(forge.Options{API: api.URL, Token: githubtest.Token, Repository: githubtest.Repository})
	if err != nil {
		t.Fatal(err)
	}
	const (
		x       = "--- a/a.go\n+++ b/a.go\n@@ -1,4 +1,4 @@\n package a\n \n-var x = 1\n+var x = 3\n var y = 2\n"
		y       = "--- a/a.go\n+++ b/a.go\n@@ -2,3 +2,3 @@\n \n var x = 3\n-var y = 2\n+var y = 4\n"
		made    = "--- /dev/null\n+++ b/new.go\n@@ -0,0 +1 @@\n+package a\n"
		deleted = "--- a/sub/b.go\n+++ /dev/null\n@@ -1 +0,0 @@\n-package b\n"
	)
	patched := func(diffs ...string) (map[string]forge.File, error) {
		var patches []*report.Patch
		for _, diff := range diffs {
			patches = append(patches, &report.Patch{Diff: diff})
		}
		return Patched(t.Context(), g, head, patches, config.Config{}.Editable)
	}
	got, err := patched(x, y, made, deleted)
	if err != nil {
		t.Fatal(err)
	}
	if string(got["a.go"].Content) != "package a\n\nvar x = 3\nvar y = 4\n" || string(got["new.go"].Content) != "package a\n" || !got["sub/b.go"].Delete || len(got) != 3 {
		t.Errorf("got files %+v", got)
	}
	for _, tt := range []struct{ name, diff, want string }{
		{"other lines", strings.ReplaceAll(x, "package a", "package z"), "a.go"},
		{"a test", strings.ReplaceAll(made, "new.go", "new_test.go"), "regreen does not edit this file"},
		{"a workflow", strings.ReplaceAll(made, "new.go", ".github/workflows/x.yml"), "regreen does not edit this file"},
		{"a path outside the tree", strings.ReplaceAll(made, "new.go", "../new.go"), "new.go"},
		{"a file in .git", strings.ReplaceAll(made, "new.go", ".git/config"), ".git/config"},
		{"a missing file", strings.ReplaceAll(x, "a.go", "gone.go"), "differs from the tested version"},
		{"an existing file", strings.ReplaceAll(made, "new.go", "a.go"), "differs from the tested version"},
		{"a change of mode", "diff --git a/a.go b/a.go\nold mode 100644\nnew mode 100755\n", "more than change lines"},
		{"a rename", "diff --git a/a.go b/c.go\nsimilarity index 100%\nrename from a.go\nrename to c.go\n", "more than change lines"},
		{"empty", "", "not a change"},
		{"not a patch", "hello", ""},
	} {
		if got, err := patched(tt.diff); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, %v; want error %q", tt.name, got, err, tt.want)
		}
	}
	if _, err := Patched(t.Context(), g, head, []*report.Patch{{Diff: x}}, nil); err == nil {
		t.Error("Patched without rules for which files are editable returned no error")
	}
}
