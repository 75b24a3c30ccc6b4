// Package gitdir reads git's directories without git.
//
// Goals: what a hook needs at every commit costs no process and almost no time. If anything is
// unusual, a function returns false, and the caller asks git.
//
// Non-goals: writing, and everything that package repo does with git.
package gitdir

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
)

// Dir is a repository by its directories, as absolute paths.
type Dir struct {
	Root      string // of the working tree
	GitDir    string // of this worktree
	CommonDir string // shared by all worktrees
}

// Near finds the repository whose working tree has its root at dir, which is where git runs hooks.
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
	gitDir, ok := Of(root)
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
	commonDir := Common(gitDir)
	if !ordinary(commonDir) {
		return Dir{}, false
	}
	return Dir{Root: root, GitDir: gitDir, CommonDir: commonDir}, true
}

// Journal returns the directory of a write to the working tree that is in progress or was
// interrupted.
func (d Dir) Journal() string {
	name := "write"
	if d.GitDir != d.CommonDir {
		name += "-" + filepath.Base(d.GitDir)
	}
	return filepath.Join(d.StateDir(), name)
}

// StateDir returns the directory of regreen's data about the repository.
func (d Dir) StateDir() string { return filepath.Join(d.CommonDir, "regreen") }

// Common returns the directory that a git directory shares with other worktrees: itself, unless it
// is that of a linked worktree.
func Common(gitDir string) string {
	b, err := os.ReadFile(filepath.Join(gitDir, "commondir"))
	if err != nil {
		return gitDir
	}
	dir := strings.TrimRight(string(b), "\r\n")
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(gitDir, dir)
	}
	return dir
}

// Of returns the directory of a working tree's git data: .git, or where that points.
func Of(root string) (string, bool) {
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
	target, ok := strings.CutPrefix(strings.TrimRight(string(b), "\r\n"), "gitdir: ")
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

// ordinary reports whether a repository's own configuration keeps its working tree in the usual
// place. It does not read included files, which are for the settings of a machine.
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

// Underway returns the operation in progress: "merge", "rebase", "am", "cherry-pick", "revert",
// "bisect", or "".
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

// IndexFile returns the path of an index, given as in GIT_INDEX_FILE. The worktree's own index is
// "".
func (d Dir) IndexFile(given string) string {
	switch {
	case given == "":
		return filepath.Join(d.GitDir, "index")
	case !filepath.IsAbs(given): // relative to the worktree's root, for git
		return filepath.Join(d.Root, given)
	default:
		return given
	}
}

// Partial reports whether an index is one that git makes for `git commit PATH`.
func Partial(index string) bool { return strings.HasPrefix(filepath.Base(index), "next-index-") }

// IndexTree returns the hash of the tree in an index file.
func (d Dir) IndexTree(index string) (hash string, ok bool) {
	const sha1, sha256 = 20, 32
	if d.objectFormat() == "sha256" {
		return cachedTree(index, sha256)
	}
	return cachedTree(index, sha1)
}

// objectFormat returns the hash function for the repository's objects, from its own configuration.
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
