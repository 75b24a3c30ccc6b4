package repo

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// localVars are the variables that `git rev-parse --local-env-vars` names.
var localVars = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_OBJECT_DIRECTORY", "GIT_DIR",
	"GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE", "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE",
	"GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_COMMON_DIR", "GIT_INTERNAL_SUPER_PREFIX", "GIT_REF_FORMAT",
}

// Near opens the repository whose working tree has its root at dir, as git starts a
// hook, without starting a process: for what runs at every commit and mostly has
// nothing to do. Where anything is out of the ordinary it is not ok, and Open is to be
// asked. HooksDir is not known.
func Near(dir string, env []string) (r *Repo, ok bool) {
	g := git{dir: dir, env: env}
	for _, name := range []string{"GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_CONFIG"} {
		if g.getenv(name) != "" {
			return nil, false
		}
	}
	root, err := filepath.Abs(dir)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		return nil, false
	}
	gitDir, ok := gitDirOf(root)
	if !ok {
		return nil, false
	}
	if given := g.getenv("GIT_DIR"); given != "" {
		if !filepath.IsAbs(given) {
			given = filepath.Join(root, given)
		}
		if !sameFile(given, gitDir) {
			return nil, false
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
		return nil, false
	}
	r = &Repo{gitDir: gitDir, commonDir: commonDir, localVars: localVars}
	r.Tree = r.tree(root, git{dir: root, env: env})
	r.objects = sync.OnceValue(r.openObjects)
	return r, true
}

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
func (r *Repo) Underway() string { return r.operation() }

// IndexTree is TreeHash of an index, without a process where the index knows: as it does
// in the hooks of a commit.
func (r *Repo) IndexTree(ctx context.Context, src Source) (string, error) {
	const sha1, sha256 = 20, 32
	size := sha1
	if r.objectFormat() == "sha256" {
		size = sha256
	}
	if hash, ok := cachedTree(r.indexFile(src), size); ok {
		return hash, nil
	}
	return r.TreeHash(ctx, src)
}

// objectFormat is how the repository's objects are named, as its own configuration says.
func (r *Repo) objectFormat() string {
	b, err := os.ReadFile(filepath.Join(r.commonDir, "config"))
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

// ChangedNames are the files in which src differs from a revision, by their paths in
// git's order; a renamed one counts with both names.
func (r *Repo) ChangedNames(ctx context.Context, base string, src Source) ([]string, error) {
	args := []string{"diff-index", "--cached", "--name-only", "--no-renames", "--no-relative", "--ignore-submodules=none", "-z", base, "--"}
	g := r.git
	switch src.kind {
	case index:
		if src.name != "" {
			g = g.with("GIT_INDEX_FILE=" + src.name)
		}
	case commit:
		args = []string{"diff-tree", "-r", "--name-only", "--no-renames", "--no-relative", "-z", base, src.name, "--"}
	default:
		args = []string{"diff", "--name-only", "--no-renames", "--no-relative", "--no-ext-diff", "-z", base, "--"}
	}
	out, err := g.output(ctx, args...)
	if err != nil {
		return nil, err
	}
	names := splitNames(out)
	if src.kind == workTree {
		out, err := r.git.output(ctx, "ls-files", "--others", "--exclude-standard", "-z")
		if err != nil {
			return nil, err
		}
		names = append(names, splitNames(out)...)
	}
	return names, nil
}

// Info is what is known of a commit.
type Info struct {
	Hash, Tree, Subject, Author string
	Parents                     []string
}

// Info reads a commit.
func (r *Repo) Info(ctx context.Context, rev string) (Info, error) {
	hash, err := r.Resolve(ctx, rev)
	if err != nil {
		return Info{}, err
	}
	if objects := r.objects(); objects != nil {
		if c, err := object.GetCommit(objects.Storer, plumbing.NewHash(hash)); err == nil {
			subject, _, _ := strings.Cut(strings.TrimSpace(c.Message), "\n")
			info := Info{Hash: hash, Tree: c.TreeHash.String(), Subject: subject, Author: c.Author.Name}
			for _, p := range c.ParentHashes {
				info.Parents = append(info.Parents, p.String())
			}
			return info, nil
		}
	}
	out, err := r.git.output(ctx, "log", "-1", "--no-show-signature", "--no-color", "--format=%H%x00%T%x00%P%x00%an%x00%s", hash, "--")
	if err != nil {
		return Info{}, err
	}
	fields := strings.SplitN(strings.TrimRight(string(out), "\n"), "\x00", 5)
	if len(fields) < 5 {
		return Info{}, &Error{Path: rev, Err: ErrNoRevision}
	}
	return Info{Hash: fields[0], Tree: fields[1], Parents: strings.Fields(fields[2]), Author: fields[3], Subject: fields[4]}, nil
}

// Between lists the commits that are in to and not in from, following first parents
// from the oldest to the newest.
func (r *Repo) Between(ctx context.Context, from, to string) ([]string, error) {
	out, err := r.git.output(ctx, "rev-list", "--first-parent", "--reverse", from+".."+to, "--")
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(out)), nil
}

// Unpushed is the commit that a remote is known to have already and that a commit's
// new ones begin upon, by the remote's branches as they were last seen; "" when there
// is none. It is the commit itself when none is new.
func (r *Repo) Unpushed(ctx context.Context, tip, remote string) (string, error) {
	out, err := r.git.output(ctx, "rev-list", "--topo-order", "--reverse", "--parents", tip, "--not", "--glob=refs/remotes/"+remote+"/*")
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(string(out), "\n")
	commits := strings.Fields(first) // the oldest of the new ones, and its parents
	switch len(commits) {
	case 0:
		return tip, nil
	case 1:
		return "", nil
	}
	return commits[1], nil
}

// HooksPath is what git's configuration says about where hooks are.
type HooksPath struct {
	Value string // of core.hooksPath; "" when it is not set
	Scope string // local, worktree, global, system or command
}

// Shared tells whether hooks put there would run in other repositories, too.
func (p HooksPath) Shared() bool { return p.Scope == "global" || p.Scope == "system" }

// HooksPath reads core.hooksPath and who says so.
func (r *Repo) HooksPath(ctx context.Context) (HooksPath, error) {
	out, err := r.git.line(ctx, "config", "--show-scope", "--get", "core.hooksPath")
	if exitStatus(err) == 1 { // not set
		return HooksPath{}, nil
	}
	scope, value, _ := strings.Cut(out, "\t")
	return HooksPath{Value: value, Scope: scope}, err
}

// Version is git's version, as it tells it.
func (r *Repo) Version(ctx context.Context) (string, error) {
	out, err := r.git.line(ctx, "version")
	return strings.TrimPrefix(out, "git version "), err
}
