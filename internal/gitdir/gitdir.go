// Package gitdir reads git's folders without git.
//
// Goals: what a hook has to know at every commit costs no process and next to no time;
// where anything is out of the ordinary, it is not ok, and git is to be asked.
//
// Not goals: writing, and all that package repo does with git.
package gitdir

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
)

// Dir is a repository by its folders, absolute.
type Dir struct {
	Root      string // of the working tree
	GitDir    string // the worktree's own
	CommonDir string // that all worktrees share
}

// Near finds the repository whose working tree has its root at dir, as git starts a hook.
func Near(dir string, getenv func(string) string) (Dir, bool) {
	for _, name := range []string{"GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_CONFIG"} {
		if getenv(name) != "" {
			return Dir{}, false
		}
	}
	root, err := filepath.Abs(dir)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		return Dir{}, false
	}
	gitDir, ok := gitDirOf(root)
	if !ok {
		return Dir{}, false
	}
	if given := getenv("GIT_DIR"); given != "" {
		if !filepath.IsAbs(given) {
			given = filepath.Join(root, given)
		}
		if !sameFile(given, gitDir) {
			return Dir{}, false
		}
	}
	commonDir := gitDir
	if b, err := os.ReadFile(filepath.Join(gitDir, "commondir")); err == nil {
		commonDir = strings.TrimSpace(string(b))
		if !filepath.IsAbs(commonDir) {
			commonDir = filepath.Join(gitDir, commonDir)
		}
	}
	if !ordinary(commonDir) {
		return Dir{}, false
	}
	return Dir{Root: root, GitDir: gitDir, CommonDir: commonDir}, true
}

// Journal is the folder of a write to the working tree that is under way, or was cut off.
func (d Dir) Journal() string {
	name := "write"
	if d.GitDir != d.CommonDir {
		name += "-" + filepath.Base(d.GitDir)
	}
	return filepath.Join(d.StateDir(), name)
}

// StateDir is where regreen keeps what it knows of the repository.
func (d Dir) StateDir() string { return filepath.Join(d.CommonDir, "regreen") }

// gitDirOf is the folder of a working tree's git data: .git, or where that points to.
func gitDirOf(root string) (string, bool) {
	name := filepath.Join(root, ".git")
	info, err := os.Lstat(name)
	switch {
	case err != nil:
		return "", false
	case info.IsDir():
		return name, true
	case !info.Mode().IsRegular():
		return "", false
	}
	b, err := os.ReadFile(name)
	target, ok := strings.CutPrefix(strings.TrimSpace(string(b)), "gitdir: ")
	if err != nil || !ok {
		return "", false
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(root, target)
	}
	info, err = os.Stat(target)
	return filepath.Clean(target), err == nil && info.IsDir()
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// ordinary tells whether nothing in a repository's configuration moves its working
// tree elsewhere. Includes may, but do so for the setting of a machine, not for one
// repository's root.
func ordinary(commonDir string) bool {
	b, err := os.ReadFile(filepath.Join(commonDir, "config"))
	if err != nil {
		return false
	}
	b = bytes.ToLower(b)
	for _, line := range bytes.Split(b, []byte("\n")) {
		key, value, _ := bytes.Cut(line, []byte("="))
		switch string(bytes.TrimSpace(key)) {
		case "worktree":
			return false
		case "bare":
			if string(bytes.TrimSpace(value)) != "false" {
				return false
			}
		case "worktreeconfig":
			return false
		}
	}
	return true
}

// Underway is the operation that is in progress: "merge", "rebase", "am",
// "cherry-pick", "revert", "bisect", or "".
func (d Dir) Underway() string {
	for _, op := range []struct{ file, name string }{
		{"rebase-merge", "rebase"},
		{"rebase-apply/applying", "am"},
		{"rebase-apply", "rebase"},
		{"MERGE_HEAD", "merge"},
		{"CHERRY_PICK_HEAD", "cherry-pick"},
		{"REVERT_HEAD", "revert"},
		{"BISECT_LOG", "bisect"},
	} {
		if _, err := os.Stat(filepath.Join(d.GitDir, op.file)); err == nil {
			return op.name
		}
	}
	return ""
}

// IndexFile is the path of the index that GIT_INDEX_FILE, or another one, names; the
// worktree's own for "".
func (d Dir) IndexFile(given string) string {
	switch {
	case given == "":
		return filepath.Join(d.GitDir, "index")
	case !filepath.IsAbs(given): // git takes it from the worktree's root
		return filepath.Join(d.Root, given)
	default:
		return given
	}
}

// Partial tells whether an index is one that git makes for `git commit PATH`.
func Partial(index string) bool { return strings.HasPrefix(filepath.Base(index), "next-index-") }

// IndexTree is the hash of the tree that an index file holds.
func (d Dir) IndexTree(index string) (hash string, ok bool) {
	const sha1, sha256 = 20, 32
	if d.objectFormat() == "sha256" {
		return cachedTree(index, sha256)
	}
	return cachedTree(index, sha1)
}

// objectFormat is how the repository's objects are named, as its own configuration says.
func (d Dir) objectFormat() string {
	b, err := os.ReadFile(filepath.Join(d.CommonDir, "config"))
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(bytes.ToLower(b)) {
		key, value, _ := bytes.Cut(line, []byte("="))
		if string(bytes.TrimSpace(key)) == "objectformat" {
			return string(bytes.TrimSpace(value))
		}
	}
	return "sha1"
}
