package repo

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/patch"
)

// TestChoose compares the file that a patch changes with the choice of GNU patch and git apply. A
// name is "" if the program refuses the patch.
func TestChoose(t *testing.T) {
	t.Parallel()
	const hunk = "@@ -1 +1 @@\n-a\n+b\n"
	plain := func(old, new string) string { return "--- " + old + "\n+++ " + new + "\n" + hunk }
	git := func(old, new string) string { return "diff --git " + old + " " + new + "\n" + plain(old, new) }
	for _, tt := range []struct {
		name, patch, files string
		ours, gnu, git     string
	}{
		{"only the old name", plain("a/old", "b/new"), "old", "old", "old", ""},
		{"only the new name", plain("a/old", "b/new"), "new", "new", "new", "new"},
		{"both names", plain("a/old", "b/new"), "old new", "old", "old", "new"},
		{"neither name", plain("a/old", "b/new"), "other", "", "", ""},
		{"a backup", plain("a/x.orig", "b/x"), "x", "x", "x", "x"},
		{"a backup that is there", plain("a/x.orig", "b/x"), "x x.orig", "x", "x", "x"},
		{"a new version next to it", plain("a/x", "b/x.new"), "x x.new", "x", "x", "x"},
		{"the fewest directories", plain("a/d/long/x", "b/y"), "d/long/x y", "y", "y", "y"},
		{"the shortest, not the shortest last part", plain("a/directory/x", "b/dir/long"), "dir/long directory/x", "dir/long", "dir/long", "dir/long"},
		{"the shortest", plain("a/directory/x", "b/dir/y"), "dir/y directory/x", "dir/y", "dir/y", "dir/y"},
		{"too few directories on one side", plain("x", "b/x"), "x", "x", "x", "x"},
		{"Index, and other names", "Index: a/z\n====\n" + plain("a/q", "b/r"), "z", "z", "", ""}, // as in POSIX
		{"Index, and no other names", "Index: a/z\n====\n" + hunk, "z", "z", "z", ""},
		{"Index and a name", "Index: a/z\n====\n" + plain("a/x", "b/y"), "x z", "x", "x", ""},
		{"git's header, only the new name", git("a/x.orig", "b/x"), "x", "x", "x", ""},
		{"git's header, both names", git("a/old", "b/new"), "old new", "", "old", "new"},
		{"git's header, a move", git("a/old", "b/new"), "old", "new", "old", "new"},
		{"names of the index", git("i/x", "w/x"), "x", "x", "x", "x"},
		{"names of a commit", git("c/x", "o/x"), "x", "x", "x", "x"},
		{"names by number", git("1/x", "2/x"), "x", "x", "x", "x"},
		{"reversed names", git("b/x", "a/x"), "x", "x", "x", "x"},
		{"a blank in the name", plain("a/sp ace", "b/sp ace"), "sp,ace", "sp,ace", "", "sp,ace"},
		{"a blank, and a tab after it", plain("a/sp ace\t", "b/sp ace\t"), "sp,ace", "sp,ace", "sp,ace", "sp,ace"},
		{"a blank, and a time after a blank", plain("a/sp ace 2024-01-02 03:04:05.000000000 +0100", "b/sp ace 2024-01-02 03:04:06 +0000"), "sp,ace", "sp,ace", "", "sp,ace"},
		{"a time without a zone", plain("a/x  2024-01-02 03:04:05", "b/x 2024-01-02 03:04:05"), "x", "x", "x", "x"},
		{"a time of ctime", plain("a/x  Mon Jan  1 00:00:00 2024", "b/x  Mon Jan  1 00:00:00 2024"), "x", "x", "x", ""},
		{"a revision", plain("a/x (revision 1)", "b/x (working copy)"), "x", "x", "x", ""},
		{"a blank at the end", plain("a/x ", "b/x  "), "x", "x", "x", ""},
		{"quotes", plain(`"a/x"`, `"b/x"`), "x", "x", "x", "x"},
		{"octal escapes", plain(`"a/\303\244"`+"\t2024-01-02 03:04:05", `"b/\303\244"`), "ä", "ä", "ä", "ä"},
		{"other escapes", plain(`"a/\t\"\\"`, `"b/\t\"\\"`), "\t\"\\", "\t\"\\", "\t\"\\", "\t\"\\"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			layOut := func() string {
				dir := t.TempDir()
				for name := range strings.FieldsSeq(strings.ReplaceAll(tt.files, "\t", "TAB")) {
					file := filepath.Join(dir, strings.NewReplacer("TAB", "\t", ",", " ").Replace(name))
					if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, []byte("a\n"), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				return dir
			}
			changed := func(dir string) string {
				var names []string
				for name, content := range snapshot(t, dir) {
					if content == "b\n" {
						names = append(names, strings.ReplaceAll(name, " ", ","))
					}
				}
				return strings.Join(names, " and ")
			}
			for program, want := range map[string]string{"patch -p1 -f -s -r -": tt.gnu, "git apply -p1 -": tt.git} {
				dir := layOut()
				words := strings.Fields(program)
				cmd := exec.Command(words[0], words[1:]...)
				cmd.Dir, cmd.Env = dir, append(isolatedEnv(t), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
				cmd.Stdin = strings.NewReader(tt.patch)
				out, _ := cmd.CombinedOutput() // it may refuse the patch
				if got := changed(dir); got != want {
					t.Errorf("%s changed %q, the table says %q\n%s", program, got, want, out)
				}
			}
			dir := layOut()
			tree, err := Dir(dir)
			if err != nil {
				t.Fatal(err)
			}
			read, err := patch.Read([]byte(tt.patch), patch.ParseOptions{Strip: 1})
			if err != nil {
				t.Fatal(err)
			}
			files, missing, err := tree.Choose(".", read, false)
			if err != nil {
				t.Fatal(err)
			}
			changes, err := tree.Plan(files, patch.Options{})
			if err == nil {
				err = tree.Write(t.Context(), changes, nil)
			}
			if got := changed(dir); got != tt.ours || (err != nil) != (tt.ours == "") || missing > 0 && err == nil {
				t.Errorf("changed %q, want %q; %d missing, %v", got, tt.ours, missing, err)
			}
			if tt.ours == "" || strings.HasSuffix(tt.name, "a move") {
				return
			}
			// The same file is changed back.
			if files, _, err = tree.Choose(".", read, true); err != nil {
				t.Fatal(err)
			}
			if changes, err = tree.Plan(patch.Reverse(files), patch.Options{}); err == nil {
				err = tree.Write(t.Context(), changes, nil)
			}
			if got := changed(dir); got != "" || err != nil {
				t.Errorf("after --reverse %q is changed, %v", got, err)
			}
		})
	}
}
