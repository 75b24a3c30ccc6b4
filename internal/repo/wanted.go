package repo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// wanted lists the files that an export should have.
type wanted struct {
	source   Source
	files    []wantedFile
	dirs     []string // that may be empty: those of submodules
	settings settings
	writes   string    // hash of everything but the blob that decides how git writes a file; "" if unknown
	entries  []entry   // of an index or a commit, with submodules
	modules  []*module // of these, as far as they are on this machine
	gaps     []Gap     // what is not
}

// wantedFile is one of them: an entry that git writes, or, without a hash, a copy from the working
// tree.
type wantedFile struct {
	entry
	module *module // that the entry is of; nil for the tree itself
	from   stamp   // of the original of a copy
}

// want finds out what an export of src should have.
func (r *Repo) want(ctx context.Context, src Source) (wanted, error) {
	p := wanted{source: src}
	var names []string
	var both errgroup.Group
	both.Go(func() (err error) { p.settings, err = r.settings(ctx); return err })
	both.Go(func() (err error) {
		if src.kind == workTree {
			names, err = r.workTreeNames(ctx)
		} else {
			p.entries, err = r.entriesOf(ctx, src)
		}
		return err
	})
	err := both.Wait()
	if err != nil {
		return wanted{}, err
	}
	if src.kind != workTree {
		err = p.addEntries(ctx, r)
	} else {
		err = p.addWorkTree(ctx, r, names)
	}
	if err != nil {
		return wanted{}, err
	}
	return p, p.addCarried(ctx, r)
}

// addWorkTree adds the files of the working tree with the given names, and those that a sparse
// checkout leaves out of it.
func (p *wanted) addWorkTree(ctx context.Context, r *Repo, names []string) error {
	skipped, err := r.skipped(ctx, p.settings)
	if err != nil {
		return err
	}
	for _, e := range skipped {
		p.files = append(p.files, wantedFile{entry: e})
	}
	return p.addOriginals(ctx, r, names)
}

// addEntries adds the files of an index or a commit, and of its submodules.
func (p *wanted) addEntries(ctx context.Context, r *Repo) (err error) {
	if p.modules, p.gaps, err = r.modules(ctx, p.entries, ""); err != nil {
		return err
	}
	add := func(m *module, prefix string, entries []entry) {
		for _, e := range entries {
			e.path = prefix + e.path
			if e.mode == moduleMode {
				p.dirs = append(p.dirs, e.path)
			} else {
				p.files = append(p.files, wantedFile{entry: e, module: m})
			}
		}
	}
	add(nil, "", p.entries)
	p.writes = r.writes(p.settings, p.entries)
	for _, m := range allOf(p.modules) {
		add(m, m.at+"/", m.entries)
		p.writes += m.repo.writes(m.settings, m.entries)
	}
	return nil
}

// workTreeNames returns the files that git tracks or would add.
func (r *Repo) workTreeNames(ctx context.Context) ([]string, error) {
	out, err := r.git.output(ctx, "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "-z")
	if err != nil {
		return nil, err
	}
	// Leave out untracked repositories inside this one.
	return slices.DeleteFunc(splitNames(out), func(name string) bool { return strings.HasSuffix(name, "/") }), nil
}

// skipped returns the files that a sparse checkout leaves out of the working tree.
func (r *Repo) skipped(ctx context.Context, conf settings) ([]entry, error) {
	if !conf.sparse {
		return nil, nil
	}
	out, err := r.git.output(ctx, "ls-files", "--cached", "--stage", "-t", "-z")
	if err != nil {
		return nil, err
	}
	var entries []entry
	for _, line := range splitNames(out) {
		head, name, _ := strings.Cut(line, "\t")
		if f := strings.Fields(head); len(f) == 4 && f[0] == "S" && f[1] != moduleMode {
			entries = append(entries, entry{mode: f[1], hash: f[2], path: name})
		}
	}
	return entries, nil
}

// addOriginals adds the files of the working tree with the given names, and all files of those that
// are submodules. It leaves out files that do not exist or are behind a symlink, and sockets and
// pipes, which have no content.
func (p *wanted) addOriginals(ctx context.Context, r *Repo, names []string) error {
	real := map[string]bool{".": true} // whether a directory is one, and not a link
	var isReal func(dir string) bool
	isReal = func(dir string) bool {
		is, known := real[dir]
		if !known {
			at, err := stampOf(r.original(dir))
			is = err == nil && at.kind == kindDir && isReal(path.Dir(dir))
			real[dir] = is
		}
		return is
	}
	var absent []string
	for _, name := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !isReal(path.Dir(name)) {
			continue
		}
		at, err := stampOf(r.original(name))
		switch {
		case os.IsNotExist(err):
		case err != nil:
			return r.unreadable(name, err)
		case at.kind == kindFile || at.kind == kindLink:
			p.files = append(p.files, wantedFile{entry: entry{path: name}, from: at})
		case at.kind == kindDir && !r.isRepository(name):
			absent = append(absent, name)
		case at.kind == kindDir:
			p.dirs = append(p.dirs, name)
			module, err := r.moduleFiles(ctx, name)
			if err == nil {
				err = p.addOriginals(ctx, r, module)
			}
			if err != nil {
				return err
			}
		}
	}
	return p.addAbsent(ctx, r, absent)
}

// addAbsent adds the submodules among directories of the working tree that are not checked out. The
// others were files.
func (p *wanted) addAbsent(ctx context.Context, r *Repo, dirs []string) error {
	if len(dirs) == 0 {
		return nil
	}
	return readEntries(ctx, r.git, append([]string{"ls-files", "--stage", "-z", "--"}, dirs...), func(mode, _, _, path string) error {
		if mode == moduleMode && !slices.Contains(p.dirs, path) {
			p.dirs, p.gaps = append(p.dirs, path), append(p.gaps, missing(path, "", false))
		}
		return nil
	})
}

// isRepository reports whether a directory has git data of its own.
func (r *Repo) isRepository(dir string) bool {
	_, err := os.Lstat(filepath.Join(r.original(dir), ".git"))
	return err == nil
}

// moduleFiles returns the files of a submodule as it is checked out, without its git data.
func (r *Repo) moduleFiles(ctx context.Context, module string) ([]string, error) {
	var names []string
	if at, err := stampOf(r.original(module)); err != nil || at.kind != kindDir {
		return nil, nil
	}
	err := fs.WalkDir(os.DirFS(r.root), module, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return r.unreadable(name, err)
		case ctx.Err() != nil:
			return ctx.Err()
		case strings.EqualFold(d.Name(), ".git"):
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir():
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// original returns the path of a file in the working tree.
func (r *Repo) original(name string) string { return filepath.Join(r.root, filepath.FromSlash(name)) }

func (r *Repo) unreadable(name string, err error) error {
	return &Error{Path: r.original(name), Err: err, Advice: "regreen reads every file that git would add; make it readable or add it to .gitignore"}
}

// settings is what git's configuration says about exports.
type settings struct {
	all        []setting
	lines      []string // that decide how git writes a blob to a file
	converts   bool     // line endings of any file
	attributes string   // the user's own file of attributes
	sparse     bool
	hash       objectHash
	format     string // of objects: sha1 or sha256
	refs       string // how they are stored; "" for files
}

func (r *Repo) settings(ctx context.Context) (settings, error) {
	s := settings{hash: hashOf("sha1"), format: "sha1", converts: filepath.Separator == '\\'}
	var err error
	if s.all, err = r.configuration(ctx); err != nil {
		return settings{}, err
	}
	if dir := r.git.getenv("XDG_CONFIG_HOME"); dir != "" {
		s.attributes = filepath.Join(dir, "git", "attributes")
	} else if home := r.git.getenv("HOME"); home != "" {
		s.attributes = filepath.Join(home, ".config", "git", "attributes")
	}
	for _, one := range s.all {
		name, value := one.key, one.value
		switch {
		case name == "core.autocrlf":
			s.converts = value != "false"
		case name == "core.eol":
			s.converts = s.converts || value != "lf"
		case name == "core.attributesfile":
			s.attributes = value
		case name == "core.sparsecheckout":
			s.sparse = value != "false" && value != "0"
		case name == "extensions.objectformat":
			s.hash, s.format = hashOf(value), strings.ToLower(value)
			continue
		case name == "extensions.refstorage":
			s.refs = strings.ToLower(value)
			continue
		case name != "core.symlinks" && name != "core.filemode" && !strings.HasPrefix(name, "filter."):
			continue
		}
		s.lines = append(s.lines, name+"\n"+value)
	}
	return s, nil
}

// writes returns a hash of everything but the blob that decides how git writes a blob to a file:
// attributes, filters, line endings.
func (r *Repo) writes(conf settings, entries []entry) string {
	h := sha256.New()
	for _, kv := range conf.lines {
		fmt.Fprintf(h, "%s\x00", kv)
	}
	for _, e := range entries {
		if isAttributes(e.path) {
			fmt.Fprintf(h, "%s %s\x00", e.hash, e.path)
		}
	}
	for _, file := range r.otherAttributes(conf) {
		text, _ := os.ReadFile(file) // most do not exist
		fmt.Fprintf(h, "%d ", len(text))
		_, _ = h.Write(text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func isAttributes(name string) bool { return path.Base(name) == ".gitattributes" }

// otherAttributes returns the files of attributes that are not part of the tree.
func (r *Repo) otherAttributes(conf settings) []string {
	files := []string{filepath.Join(r.commonDir, "info", "attributes"), "/etc/gitattributes"}
	if conf.attributes != "" {
		files = append(files, conf.attributes)
	}
	return files
}

// conversions are the attributes for which git writes other bytes than the blob has.
var conversions = [][]byte{[]byte("eol"), []byte("crlf"), []byte("ident"), []byte("filter"), []byte("encoding")}

// convert reports whether attributes may have git convert files.
func convert(attributes []byte) bool {
	return slices.ContainsFunc(conversions, func(word []byte) bool { return bytes.Contains(attributes, word) })
}
