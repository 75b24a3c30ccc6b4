package repo

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/gitdir"
)

// A tree has a submodule as the hash of a commit (a gitlink), whose files are in another
// repository. The user's checkout of it may be at another commit, or have edits. So the export of
// an index or a commit takes them from the repository that git keeps for the submodule, and never
// fetches. The export of a working tree takes what is on disk.

// module is a submodule of a tree.
type module struct {
	path     string // in the tree that it is a part of
	at       string // in the export
	name     string // in .gitmodules
	commit   string
	repo     *Repo // that has the commit
	settings settings
	source   Source
	entries  []entry // of the commit
	modules  []*module
}

// Gap is something that an export lacks because it is not on this machine. What its tests show says
// nothing about the tree as it is elsewhere.
type Gap struct {
	What   string // "submodule lib is not here: ..."
	Advice string // the command that gets it
}

func (g Gap) String() string { return g.What + "; run: " + g.Advice }

// modules finds the submodules among the entries of an index or a commit, and theirs. Prefix is
// where the tree is in the export.
func (r *Repo) modules(ctx context.Context, entries []entry, prefix string) (found []*module, gaps []Gap, err error) {
	links, config := links(entries)
	if len(links) == 0 {
		return nil, nil, nil
	}
	names := r.namesOfModules(ctx, "--blob="+config)
	for _, link := range links {
		m := &module{path: link.path, at: path.Join(prefix, link.path), name: names[link.path], commit: link.hash, source: Commit(link.hash)}
		stores := r.stores(m)
		for _, store := range stores {
			there := r.nested(store, filepath.Join(r.root, filepath.FromSlash(m.path)))
			if m.entries, err = treeEntries(ctx, there.git.with("GIT_NO_LAZY_FETCH=1"), m.commit); err == nil {
				m.repo = there
				break
			}
			if ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
		}
		if m.repo == nil {
			gaps = append(gaps, missing(m.at, m.commit, len(stores) > 0))
			continue
		}
		if m.settings, err = m.repo.settings(ctx); err != nil {
			return nil, nil, err
		}
		var more []Gap
		if m.modules, more, err = m.repo.modules(ctx, m.entries, m.at); err != nil {
			return nil, nil, err
		}
		found, gaps = append(found, m), append(gaps, more...)
	}
	return found, gaps, nil
}

func missing(path, commit string, cloned bool) Gap {
	if !cloned {
		return Gap{What: fmt.Sprintf("submodule %s is not here", path), Advice: "git submodule update --init " + shellWord(path)}
	}
	return Gap{
		What:   fmt.Sprintf("commit %.12s of submodule %s is not here", commit, path),
		Advice: fmt.Sprintf("git submodule update --init %[1]s; for a commit that is not checked out: git -C %[1]s fetch origin %[2]s", shellWord(path), commit),
	}
}

// shellWord quotes a word for a shell if it needs to be.
func shellWord(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\n\r'\"\\$`!*?[]{}()<>|&;#~=%^") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// links returns the submodules among the entries, and the blob of .gitmodules.
func links(entries []entry) (links []entry, config string) {
	for _, e := range entries {
		if e.mode == moduleMode {
			links = append(links, e)
		}
		if e.path == ".gitmodules" {
			config = e.hash
		}
	}
	return links, config
}

// namesOfModules returns the names of submodules by their paths, from a file .gitmodules that an
// option of git config names. Like git, it leaves out names that would lead out of its directory.
func (r *Repo) namesOfModules(ctx context.Context, from string) map[string]string {
	out, err := r.git.output(ctx, "config", from, "-z", "--get-regexp", `^submodule\..*\.path$`)
	names := make(map[string]string)
	if err != nil {
		return names
	}
	for _, kv := range splitNames(out) {
		key, value, _ := strings.Cut(kv, "\n")
		name := strings.TrimSuffix(strings.TrimPrefix(key, "submodule."), ".path")
		if filepath.IsLocal(name) && !slices.Contains(strings.FieldsFunc(name, func(c rune) bool { return c == '/' || c == '\\' }), "..") {
			names[path.Clean(value)] = name
		}
	}
	return names
}

// stores returns the git directories that may have the objects of a submodule: that of its
// checkout, and those that git keeps for this worktree, for the main one and for others.
func (r *Repo) stores(m *module) []string {
	var dirs []string
	add := func(dir string) {
		if _, err := os.Stat(filepath.Join(gitdir.Common(dir), "objects")); err == nil && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	if dir, ok := gitdir.Of(filepath.Join(r.root, filepath.FromSlash(m.path))); ok {
		add(dir)
	}
	if m.name == "" {
		return dirs
	}
	below := filepath.Join("modules", filepath.FromSlash(m.name))
	add(filepath.Join(r.gitDir, below))
	add(filepath.Join(r.commonDir, below))
	worktrees, err := os.ReadDir(filepath.Join(r.commonDir, "worktrees"))
	if err != nil {
		return dirs
	}
	for _, w := range worktrees {
		add(filepath.Join(r.commonDir, "worktrees", w.Name(), below))
	}
	return dirs
}

// nested returns the repository of a submodule by its git directory. Its working tree is at root,
// if it is checked out.
func (r *Repo) nested(gitDir, root string) *Repo {
	m := &Repo{gitDir: gitDir, commonDir: gitdir.Common(gitDir), localVars: r.localVars}
	g := r.git.elsewhere(r.localVars).in(gitDir).with("GIT_DIR="+gitDir, "GIT_WORK_TREE="+root)
	if info, err := os.Stat(root); err == nil && info.IsDir() {
		g = g.in(root)
	}
	m.Tree = m.tree(root, g)
	m.objects = m.openOnce()
	return m
}

// allOf returns the submodules, each before its own.
func allOf(modules []*module) []*module {
	var all []*module
	for _, m := range modules {
		all = append(append(all, m), allOf(m.modules)...)
	}
	return all
}

// checkModuleDir checks that the directory of a submodule is one. On a file system that ignores
// case, a symbolic link of the tree could be in its place, and lead out of the export.
func (f *filler) checkModuleDir(m *module) error {
	for _, up := range append(above(m.at), m.at) {
		at, err := stampOf(f.path(up))
		if err != nil {
			return err
		}
		if at.kind != kindDir {
			return &Error{Path: m.at, Err: fmt.Errorf("%w: a symbolic link is in the place of a submodule", ErrBadPath), Advice: "rename one of the two"}
		}
	}
	return nil
}

// modulesOnDisk finds the submodules that are checked out in the working tree.
func (c *checkout) modulesOnDisk(ctx context.Context) (found []*module, err error) {
	links, _ := links(c.entries)
	if len(links) == 0 {
		return nil, nil
	}
	names := c.repo.namesOfModules(ctx, "--file="+filepath.Join(c.repo.root, ".gitmodules"))
	for _, link := range links {
		root := filepath.Join(c.repo.root, filepath.FromSlash(link.path))
		gitDir, ok := gitdir.Of(root)
		if !ok {
			continue
		}
		m := &module{path: link.path, name: names[link.path], commit: link.hash, source: WorkTree(), repo: c.repo.nested(gitDir, root)}
		if m.settings, err = m.repo.settings(ctx); err != nil {
			return nil, err
		}
		found = append(found, m)
	}
	return found, nil
}

// addModule makes the repository of a submodule.
func (c *checkout) addModule(ctx context.Context, m *module) error {
	name := m.name
	if name == "" {
		name = m.path
	}
	sub := &checkout{
		repo: m.repo, source: m.source, settings: m.settings, entries: m.entries, modules: m.modules, detached: m.source.kind == commit,
		dir: filepath.Join(c.dir, filepath.FromSlash(m.path)), gitDir: filepath.Join(c.gitDir, "modules", filepath.FromSlash(name)),
	}
	if _, err := os.Stat(sub.dir); err != nil {
		return nil // in the working tree, it is behind a symbolic link
	}
	head, err := sub.make(ctx)
	if err != nil {
		return err
	}
	way, err := filepath.Rel(sub.dir, sub.gitDir)
	if err != nil {
		return err
	}
	file, content := filepath.Join(sub.dir, ".git"), []byte("gitdir: "+filepath.ToSlash(way)+"\n")
	if err := os.WriteFile(file, content, 0o644); err != nil {
		return err
	}
	at := timeOf(content)
	if err := os.Chtimes(file, at, at); err != nil {
		return err
	}
	for i, e := range c.entries {
		if e.path == m.path && e.mode == moduleMode && e.hash != head {
			return c.move(ctx, i, head)
		}
	}
	return nil
}
