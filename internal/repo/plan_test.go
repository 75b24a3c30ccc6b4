package repo

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/patch"
)

// Parts of the patches below.
const (
	editA   = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,3 +1,3 @@\n-1\n+one\n 2\n 3\n"
	editEnd = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -6,3 +6,3 @@\n 6\n 7\n-8\n+eight\n"
	dropB   = "diff --git a/b b/b\ndeleted file mode 100644\n--- a/b\n+++ /dev/null\n@@ -1 +0,0 @@\n-b\n"
	makeB   = "diff --git a/b b/b\nnew file mode 100755\n--- /dev/null\n+++ b/b\n@@ -0,0 +1 @@\n+B\n"
	makeN   = "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+n\n"
	editN   = "diff --git a/n b/n\n--- a/n\n+++ b/n\n@@ -1 +1,2 @@\n n\n+more\n"
	dropL   = "diff --git a/l b/l\ndeleted file mode 120000\n--- a/l\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n\\ No newline at end of file\n"
	linkL   = "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+sub/c\n\\ No newline at end of file\n"
	fileL   = "diff --git a/l b/l\nnew file mode 100644\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+text\n"
	linkB   = "diff --git a/b b/b\nnew file mode 120000\n--- /dev/null\n+++ b/b\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n"
	editL   = "diff --git a/l b/l\nindex 1..2 120000\n--- a/l\n+++ b/l\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n"
	plainL  = "--- a/l\n+++ b/l\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n"
)

func moved(how, from, to, rest string) string {
	return "diff --git a/" + from + " b/" + to + "\nsimilarity index 100%\n" + how + " from " + from + "\n" + how + " to " + to + "\n" + rest
}

// TestPlanAsGit compares the changes to a tree with those of git apply.
func TestPlanAsGit(t *testing.T) {
	t.Parallel()
	hunks := func(name string) string {
		return "--- a/a\n+++ b/" + name + "\n@@ -1,3 +1,3 @@\n-1\n+one\n 2\n 3\n"
	}
	for name, tt := range map[string]struct {
		patch string
		// ours is why only git accepts the patch, or only git refuses it; "" if they agree.
		ours string
	}{
		"edit":                              {patch: editA},
		"edit twice":                        {patch: editA + editEnd},
		"edit the same twice":               {patch: editA + editA},
		"create":                            {patch: makeN},
		"create what exists":                {patch: makeB},
		"create, then edit":                 {patch: makeN + editN},
		"edit, then create":                 {patch: editN + makeN},
		"create twice":                      {patch: makeN + makeN, ours: "git forgets the first of the two"},
		"delete":                            {patch: dropB},
		"delete twice":                      {patch: dropB + dropB},
		"delete, then create":               {patch: dropB + makeB},
		"create, then delete":               {patch: makeB + dropB},
		"delete, then edit":                 {patch: dropB + strings.ReplaceAll(editN, "n", "b")},
		"rename":                            {patch: moved("rename", "a", "c", "")},
		"rename and edit":                   {patch: moved("rename", "a", "c", hunks("c"))},
		"rename an executable":              {patch: moved("rename", "sub/x.sh", "y.sh", "")},
		"rename into a new folder":          {patch: moved("rename", "sub/c", "new/deep/c", "")},
		"rename onto itself":                {patch: moved("rename", "a", "a", "")},
		"rename onto itself and edit":       {patch: moved("rename", "a", "a", hunks("a"))},
		"rename onto another":               {patch: moved("rename", "a", "b", "")},
		"rename what is not there":          {patch: moved("rename", "n", "c", "")},
		"rename, then edit the new name":    {patch: moved("rename", "a", "c", "") + strings.ReplaceAll(editA, "/a", "/c")},
		"rename, then edit the old name":    {patch: moved("rename", "a", "c", "") + editA},
		"rename, then create the old name":  {patch: moved("rename", "b", "c", "") + makeB},
		"create the old name, then rename":  {patch: makeB + moved("rename", "b", "c", "")},
		"edit, then rename":                 {patch: editA + moved("rename", "a", "c", "")},
		"rename twice":                      {patch: moved("rename", "a", "c", "") + moved("rename", "a", "d", "")},
		"rename in a chain":                 {patch: moved("rename", "a", "b", "") + moved("rename", "b", "c", "")},
		"rename in a chain, backwards":      {patch: moved("rename", "b", "c", "") + moved("rename", "a", "b", "")},
		"rename to what was just renamed":   {patch: moved("rename", "a", "n", "") + moved("rename", "n", "m", "")},
		"rename what is created":            {patch: makeN + moved("rename", "n", "m", "")},
		"swap":                              {patch: moved("rename", "a", "b", "") + moved("rename", "b", "a", "")},
		"delete, then rename onto":          {patch: dropB + moved("rename", "a", "b", "")},
		"rename onto, then delete":          {patch: moved("rename", "a", "b", "") + dropB},
		"copy":                              {patch: moved("copy", "a", "c", "")},
		"copy and edit":                     {patch: moved("copy", "a", "c", hunks("c"))},
		"copy an executable":                {patch: moved("copy", "sub/x.sh", "y.sh", "")},
		"copy onto another":                 {patch: moved("copy", "a", "b", "")},
		"copy, then edit the original":      {patch: moved("copy", "a", "c", "") + editA},
		"copy, then edit the copy":          {patch: moved("copy", "a", "c", "") + strings.ReplaceAll(editA, "/a", "/c")},
		"edit, then copy":                   {patch: editA + moved("copy", "a", "c", "")},
		"edit, then copy and edit the same": {patch: editA + moved("copy", "a", "c", hunks("c"))},
		"make executable":                   {patch: "diff --git a/b b/b\nold mode 100644\nnew mode 100755\n"},
		"make executable, then edit":        {patch: "diff --git a/a b/a\nold mode 100644\nnew mode 100755\n" + editA},
		"make not executable":               {patch: "diff --git a/sub/x.sh b/sub/x.sh\nold mode 100755\nnew mode 100644\n"},
		"link: create":                      {patch: strings.ReplaceAll(linkL, "/l", "/new/l")},
		"link: edit":                        {patch: editL},
		"link: delete":                      {patch: dropL},
		"link: another target":              {patch: dropL + linkL},
		"link: rename":                      {patch: moved("rename", "l", "k", "")},
		"link: copy":                        {patch: moved("copy", "l", "k", "")},
		"link: becomes a file":              {patch: dropL + fileL},
		"link: of a file":                   {patch: dropB + linkB},
		"link: as a file":                   {patch: plainL, ours: "git takes the text of a plain diff for a link's target"},
		"link: a patch of one on a file":    {patch: strings.ReplaceAll(editL, "/l", "/b")},
		"link: by its mode":                 {patch: "diff --git a/b b/b\nold mode 100644\nnew mode 120000\n"},
		"submodule": {
			patch: "diff --git a/m b/m\nnew file mode 160000\nindex 0000000..1234567\n--- /dev/null\n+++ b/m\n@@ -0,0 +1 @@\n+Subproject commit 1234567890123456789012345678901234567890\n",
			ours:  "git makes a folder of it",
		},
		"create, then delete the same": {
			patch: makeN + "diff --git a/n b/n\ndeleted file mode 100644\n--- a/n\n+++ /dev/null\n@@ -1 +0,0 @@\n-n\n",
			ours:  "git leaves the file there",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours, gits := planFolder(t), planFolder(t)
			before := snapshot(t, ours.root)

			git := exec.Command("git", "apply", "-")
			git.Dir, git.Env = gits.root, append(isolatedEnv(t), "GIT_CEILING_DIRECTORIES="+filepath.Dir(gits.root))
			git.Stdin = strings.NewReader(tt.patch)
			said, gitErr := git.CombinedOutput()

			files, err := patch.Parse([]byte(tt.patch))
			if err != nil {
				t.Fatal(err)
			}
			changes, err := ours.Plan(files, patch.Options{})
			if err == nil {
				err = ours.Write(t.Context(), changes, nil)
			}
			now, want := snapshot(t, ours.root), snapshot(t, gits.root)
			if err != nil && !cmp.Equal(before, now) {
				t.Errorf("refused, but written: %s", cmp.Diff(before, now))
			}
			agree := (err == nil) == (gitErr == nil) && cmp.Equal(want, now)
			if agree != (tt.ours == "") {
				t.Errorf("regreen: %v\ngit: %v %s\n%s", err, gitErr, said, cmp.Diff(want, now))
			}
		})
	}
}

func planFolder(t *testing.T) *Tree {
	t.Helper()
	tree := folder(t, map[string]string{"a": "1\n2\n3\n4\n5\n6\n7\n8\n", "b": "b\n", "sub/c": "c\n", "sub/x.sh": "x\n", "l": "-> a"})
	if err := os.Chmod(filepath.Join(tree.root, "sub/x.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	tree := planFolder(t)
	if err := os.Symlink("sub", filepath.Join(tree.root, "dir")); err != nil {
		t.Fatal(err)
	}
	conflict := func(err error) bool {
		var c *patch.ConflictError
		return errors.As(err, &c)
	}
	bad := func(err error) bool { return errors.Is(err, ErrBadPath) }
	edit := patch.Hunk{OldStart: 1, OldLines: 1, NewStart: 1, NewLines: 1, Lines: []patch.Line{{Op: patch.Delete, Text: "c\n"}, {Op: patch.Insert, Text: "C\n"}}}
	for name, tt := range map[string]struct {
		file patch.File
		is   func(error) bool
		says string
	}{
		"link as text":       {patch.File{OldName: "l", NewName: "l", Hunks: []patch.Hunk{edit}}, conflict, "l: it is a symbolic link"},
		"submodule":          {patch.File{OldName: "a", NewName: "a", OldMode: os.ModeIrregular}, conflict, "a: it is a submodule commit"},
		"through a link":     {patch.File{OldName: "dir/c", NewName: "dir/c", Hunks: []patch.Hunk{edit}}, bad, "dir is a symbolic link"},
		"a directory":        {patch.File{OldName: "sub", NewName: "sub", Hunks: []patch.Hunk{edit}}, bad, "not an ordinary file"},
		"out of the tree":    {patch.File{OldName: "../x", NewName: "../x", Hunks: []patch.Hunk{edit}}, bad, "not a path inside"},
		"git's own":          {patch.File{OldName: ".git/config", NewName: "x", Rename: true}, bad, "belongs to git"},
		"below a file":       {patch.File{OldName: "a/x", NewName: "a/x"}, bad, "a is not a directory"},
		"no such file":       {patch.File{OldName: "x", NewName: "x", Hunks: []patch.Hunk{edit}}, conflict, "x: the file does not exist"},
		"deletes too little": {patch.File{OldName: "a", Delete: true, OldMode: 0o644}, conflict, "a: the patch deletes"},
	} {
		_, err := tree.Plan([]patch.File{tt.file}, patch.Options{})
		if err == nil || !tt.is(err) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Changes over the limits of a transaction are refused; a file that is too large is not even read.
func TestPlanLimits(t *testing.T) {
	t.Parallel()
	tree := folder(t, map[string]string{"large": ""})
	if err := os.Truncate(filepath.Join(tree.root, "large"), maxContent+1); err != nil {
		t.Fatal(err)
	}
	_, err := tree.Plan([]patch.File{{OldName: "large", NewName: "large", OldMode: 0o644, NewMode: 0o755}}, patch.Options{})
	if !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	many := make([]patch.File, maxFiles+1)
	for i := range many {
		many[i] = patch.File{NewName: fmt.Sprintf("f%d", i), New: true}
	}
	if _, err := tree.Plan(many, patch.Options{}); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}
