package repo

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Tests may ask git where they are, which files there are, what was tagged, whether something has
// changed. So an export is a repository: it answers like a clean checkout of its tree. It borrows
// the objects of the user's, and everything else is its own: whatever tests do to it, to refs,
// configuration, hooks or objects, the user's does not change.
//
// The tree of an index, or of a working tree, usually is that of no commit. HEAD is then a commit
// of that tree on top of the user's HEAD, as the user's next commit will be. The alternative, a
// HEAD without the change, would answer differently before and after the commit, so that a test
// could pass in the hook and fail in CI.

// checkout is a repository in an export, and the tree that it is of.
type checkout struct {
	repo     *Repo // whose objects it borrows
	source   Source
	settings settings
	dir      string    // working tree
	gitDir   string    // .git, or that of a submodule in it
	entries  []entry   // files and submodules; those of a working tree are found here
	modules  []*module // likewise
	detached bool      // no branch, whatever the repository's HEAD is on
	refs     refs
	indexed  bool      // the index is written
	newest   time.Time // of the files in it
}

func (c *checkout) index() string { return filepath.Join(c.gitDir, "index") }

// furnish makes an export in dir a repository of its own, with submodules. Where that fails, tests
// run without one, and a gap says so.
func (r *Repo) furnish(ctx context.Context, what *wanted, dir string) error {
	c := &checkout{repo: r, source: what.source, settings: what.settings, entries: what.entries, modules: what.modules, dir: dir, gitDir: filepath.Join(dir, ".git")}
	err := removeAll(c.gitDir)
	for _, module := range what.dirs {
		err = errors.Join(err, removeAll(filepath.Join(dir, filepath.FromSlash(module), ".git")))
	}
	if err == nil {
		_, err = c.make(ctx)
	}
	if err == nil || ctx.Err() != nil || isFull(err) {
		return err
	}
	what.gaps = append(what.gaps, Gap{What: "tests see no git repository: " + err.Error(), Advice: "git fsck"})
	return removeAll(c.gitDir)
}

// make makes the repository, and returns its HEAD.
func (c *checkout) make(ctx context.Context) (head string, err error) {
	if c.refs, err = c.repo.readRefs(ctx, c.settings.refs); err != nil {
		return "", err
	}
	if err := c.skeleton(); err != nil {
		return "", err
	}
	if c.source.kind == workTree {
		if err := c.stage(ctx); err != nil {
			return "", err
		}
		if c.modules, err = c.modulesOnDisk(ctx); err != nil {
			return "", err
		}
	}
	for _, m := range c.modules {
		if err := c.addModule(ctx, m); err != nil {
			return "", err
		}
	}
	if head, err = c.head(ctx); err != nil {
		return "", err
	}
	return head, c.finish(head)
}

// skeleton writes everything but HEAD, index and branches.
func (c *checkout) skeleton() error {
	for _, dir := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags", "info", "hooks"} {
		if err := os.MkdirAll(filepath.Join(c.gitDir, filepath.FromSlash(dir)), 0o755); err != nil {
			return err
		}
	}
	if err := c.write("objects/info/alternates", []byte(formatAlternates(c.repo.objectDirs(), '\n')+"\n")); err != nil {
		return err
	}
	for _, name := range []string{"shallow", "info/attributes", "info/exclude", "info/grafts"} {
		content, err := os.ReadFile(filepath.Join(c.repo.commonDir, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = c.write(name, content)
		}
		if err != nil {
			return err
		}
	}
	return c.write("config", []byte(formatSettings(c.config())))
}

// config returns the configuration of the export.
func (c *checkout) config() []setting {
	version, out := "0", carry(c.settings.all, c.repo.root)
	for _, m := range c.modules {
		if m.name != "" {
			out = append(out, setting{key: "submodule." + m.name + ".active", value: "true"})
		}
	}
	if c.settings.format != "sha1" {
		version, out = "1", append(out, setting{key: "extensions.objectformat", value: c.settings.format})
	}
	out = append(out, setting{key: "core.repositoryformatversion", value: version})
	if last(c.settings.all, "core.hookspath") != "" { // hooks of the user's or of the repository's tree
		out = append(out, setting{key: "core.hookspath", value: filepath.ToSlash(filepath.Join(c.gitDir, "hooks"))})
	}
	if way, err := filepath.Rel(c.gitDir, c.dir); err == nil && way != ".." {
		out = append(out, setting{key: "core.worktree", value: filepath.ToSlash(way)})
	}
	return out
}

// write writes a file of the repository. Its time follows from its content, so that Go's cache has
// the results of tests that read it.
func (c *checkout) write(name string, content []byte) error {
	file := filepath.Join(c.gitDir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		return err
	}
	at := timeOf(content)
	return os.Chtimes(file, at, at)
}

func timeOf(content []byte) time.Time {
	sum := sha256.Sum256(content)
	return contentTime(hex.EncodeToString(sum[:]))
}

// git returns a git with the index of the export, which writes objects to the export, too.
func (c *checkout) git() git {
	return c.repo.apart(c.index(), filepath.Join(c.gitDir, "objects"))
}

// stage finds the entries of a working tree. What the user's objects lack is written to those of
// the export.
func (c *checkout) stage(ctx context.Context) error {
	if err := copyIndex(c.repo.indexFile(Source{}), c.index()); err != nil {
		return err
	}
	if err := stageWorkTree(ctx, c.git()); err != nil {
		return err
	}
	var err error
	c.entries, err = c.repo.list(ctx, c.git())
	return err
}

// move makes a submodule of the working tree one at another commit.
func (c *checkout) move(ctx context.Context, i int, commit string) error {
	c.entries[i].hash = commit
	in := fmt.Sprintf("%s %s\t%s\x00", moduleMode, commit, c.entries[i].path)
	return c.git().run(ctx, strings.NewReader(in), nil, "update-index", "-z", "--index-info")
}

// head returns the commit that HEAD is to be, "" for an empty tree without history, and makes it if
// need be.
func (c *checkout) head(ctx context.Context) (string, error) {
	if c.source.kind == commit {
		return c.repo.Resolve(ctx, c.source.name)
	}
	if c.refs.head == "" && len(c.entries) == 0 {
		return "", nil
	}
	tree, err := c.tree(ctx)
	if err != nil {
		return "", err
	}
	made := commitObject{tree: tree, who: committer(c.settings.all), when: firstCommit}
	if c.refs.head != "" {
		info, err := c.repo.Info(ctx, c.refs.head)
		if err != nil {
			return "", err
		}
		made.parents, made.when = []string{c.refs.head}, info.When.Add(time.Second)
		merged, err := os.ReadFile(filepath.Join(c.repo.gitDir, "MERGE_HEAD"))
		if err == nil {
			made.parents = append(made.parents, strings.Fields(string(merged))...)
		} else if info.Tree == tree {
			return c.refs.head, nil
		}
	}
	return c.store("commit", made.encode())
}

// tree returns the hash of the tree of the entries. Git has written the trees of an index that it
// is about to commit; others are written to the export.
func (c *checkout) tree(ctx context.Context) (string, error) {
	file := c.repo.indexFile(c.source)
	if c.source.kind == workTree {
		file = c.index()
	}
	if hash, ok := c.repo.Folders().IndexTree(file); ok {
		return hash, nil
	}
	if c.source.kind == index {
		if err := c.writeIndex(); err != nil {
			return "", err
		}
	}
	// A partial clone lacks blobs of files that unnamed has changed.
	return c.git().line(ctx, "write-tree", "--missing-ok")
}

// finish writes HEAD, the refs and the index.
func (c *checkout) finish(head string) error {
	branch := c.refs.branch
	if c.detached || c.source.kind == commit && c.refs.head != head {
		branch = ""
	}
	if head != "" && branch != "" {
		c.refs.hashes[branch] = head
	}
	if err := c.write("packed-refs", c.refs.packed()); err != nil {
		return err
	}
	for name, target := range c.refs.links {
		if err := c.write(name, []byte("ref: "+target+"\n")); err != nil {
			return err
		}
	}
	at := "ref: " + branch
	if branch == "" {
		at = head
	}
	if err := c.write("HEAD", []byte(at+"\n")); err != nil {
		return err
	}
	if head != "" { // git status reads here where HEAD was detached
		from, to := cmp.Or(c.refs.branch, head), cmp.Or(branch, head)
		moved := fmt.Sprintf("%s %s %s %d +0000\tcheckout: moving from %s to %s\n",
			strings.Repeat("0", len(head)), head, unnamed, firstCommit.Unix(), strings.TrimPrefix(from, "refs/heads/"), strings.TrimPrefix(to, "refs/heads/"))
		if err := c.write("logs/HEAD", []byte(moved)); err != nil {
			return err
		}
	}
	if !c.indexed {
		if err := c.writeIndex(); err != nil {
			return err
		}
	}
	return c.settle()
}

// writeIndex writes the index, in which every file is as git has written it.
func (c *checkout) writeIndex() error {
	content, newest, err := encodeIndex(c.dir, c.entries, c.settings.hash)
	if err != nil {
		return err
	}
	c.indexed, c.newest = true, newest
	if err := os.RemoveAll(c.index()); err != nil { // a copy of the user's has other permissions
		return err
	}
	return os.WriteFile(c.index(), content, 0o644)
}

// settle sets the times of what write has not written: the index, objects and directories.
func (c *checkout) settle() error {
	// Git reads a file whose time is not before that of the index, because a later change within
	// the resolution of file times would not show. A file whose time is past changes it.
	at := c.newest.Truncate(time.Second).Add(time.Second)
	if time.Since(at) > 2*time.Second {
		if err := os.Chtimes(c.index(), at, at); err != nil {
			return err
		}
	}
	objects := string(filepath.Separator) + "objects" + string(filepath.Separator)
	return filepath.WalkDir(c.gitDir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && (d.IsDir() || strings.HasPrefix(name, c.gitDir+objects)) {
			err = os.Chtimes(name, firstCommit, firstCommit)
		}
		return err
	})
}

// firstCommit is when the commit of a tree without history was made, and earliest the first time
// that every git understands.
var (
	firstCommit = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	earliest    = time.Unix(0, 0).UTC()
)

// commitObject is a commit that regreen makes of a tree that has none. The same tree on the same
// HEAD gets the same commit.
type commitObject struct {
	tree    string
	parents []string
	who     string
	when    time.Time
}

func (o commitObject) encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "tree %s\n", o.tree)
	for _, p := range o.parents {
		fmt.Fprintf(&b, "parent %s\n", p)
	}
	when := o.when
	if when.Before(earliest) {
		when = earliest
	}
	stamp := fmt.Sprintf("%s %d %s", o.who, when.Unix(), when.Format("-0700"))
	fmt.Fprintf(&b, "author %s\ncommitter %s\n\nThe tree that regreen tests\n", stamp, stamp)
	return b.Bytes()
}

// unnamed is who makes it where the configuration names no one.
const unnamed = "regreen <regreen@localhost>"

// committer returns who makes the next commit, as far as the configuration says.
func committer(list []setting) string {
	name, email := last(list, "user.name"), last(list, "user.email")
	if name == "" || email == "" {
		return unnamed
	}
	clean := strings.NewReplacer("<", "", ">", "", "\n", " ", "\x00", "")
	return strings.TrimSpace(clean.Replace(name)) + " <" + strings.TrimSpace(clean.Replace(email)) + ">"
}

// store writes an object and returns its hash.
func (c *checkout) store(kind string, content []byte) (string, error) {
	object := append(fmt.Appendf(nil, "%s %d\x00", kind, len(content)), content...)
	sum := c.settings.hash()
	sum.Write(object)
	hash := hex.EncodeToString(sum.Sum(nil))
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, err := z.Write(object)
	if err = errors.Join(err, z.Close()); err != nil {
		return "", err
	}
	return hash, c.write("objects/"+hash[:2]+"/"+hash[2:], b.Bytes())
}
