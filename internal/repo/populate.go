package repo

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
)

// filler makes a directory an export. It leaves files alone that are as they should be.
type filler struct {
	repo   *Repo
	dir    string
	aside  string // a directory for what is kept with the export
	wanted wanted
	hash   objectHash
	old    manifest // of the export that is there
	there  map[string]stamp
	new    manifest
	dirty  bool // new differs from old
	umask  uint32
	buf    []byte
}

// populate makes dir an export of src, with the content and executable bit of a checkout, or for
// WorkTree those that files have. Aside is a directory for what the next call needs to write only
// what differs. It returns the files, and what is not on this machine.
func (r *Repo) populate(ctx context.Context, src Source, dir, aside string) ([]entry, []Gap, error) {
	f := &filler{repo: r, dir: dir, aside: aside, buf: make([]byte, 128<<10)}
	var both errgroup.Group
	both.Go(func() (err error) { f.wanted, err = r.want(ctx, src); return err })
	both.Go(func() (err error) {
		f.old = readManifest(f.manifestFile())
		f.there, err = scan(ctx, dir)
		return err
	})
	if err := both.Wait(); err != nil {
		return nil, nil, err
	}
	f.hash = f.wanted.settings.hash
	if err := f.fill(ctx); err != nil {
		return nil, nil, err
	}
	files := make([]entry, len(f.wanted.files))
	for i, p := range f.wanted.files {
		files[i] = p.entry
		if p.hash == "" && p.from.kind == kindLink {
			files[i].mode = linkMode
		}
	}
	return files, f.wanted.gaps, nil
}

const linkMode = "120000"

func (f *filler) manifestFile() string { return filepath.Join(f.aside, "manifest") }

func (f *filler) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

func (f *filler) fill(ctx context.Context) (err error) {
	if f.umask, err = umaskIn(f.aside); err != nil {
		return err
	}
	f.new = manifest{settings: f.old.settings, files: make(map[string]heldFile, len(f.wanted.files))}
	if w := f.wanted.writes; w != "" && w != f.old.settings {
		f.new.settings, f.dirty = w, true
		for name, h := range f.old.files {
			h.blob = ""
			f.old.files[name] = h
		}
	}
	plain := f.plain()
	var write, copies []wantedFile
	for _, p := range f.wanted.files {
		held, kept := f.held(p.path)
		switch {
		case kept && p.hash == "" && held.from != stamp{} && held.from == p.from,
			kept && p.hash != "" && held.blob == p.id():
			f.new.files[p.path] = held
		case kept && p.hash != "" && plain && held.sum == p.hash && f.asGitWrites(p.mode, held.at):
			held.blob = p.id()
			f.new.files[p.path], f.dirty = held, true
		case p.hash != "":
			write = append(write, p)
		default:
			copies = append(copies, p)
		}
	}
	if err := f.clear(ctx, copies); err != nil {
		return err
	}
	if err := f.copyAll(ctx, copies); err != nil {
		return err
	}
	if err := f.checkout(ctx, write); err != nil {
		return err
	}
	if err := f.repo.furnish(ctx, &f.wanted, f.dir); err != nil {
		return err
	}
	if err := f.finishDirs(); err != nil {
		return err
	}
	if !f.dirty && len(f.new.files) == len(f.old.files) {
		return nil
	}
	return os.WriteFile(f.manifestFile(), f.new.encode(), 0o600)
}

// id returns what decides, apart from the settings, what git writes for an entry.
func (e entry) id() string { return e.mode + " " + e.hash }

// held returns a file of the export, and reports whether it still is as it was written.
func (f *filler) held(name string) (heldFile, bool) {
	held, ok := f.old.files[name]
	if !ok || f.there[name] != held.at {
		return heldFile{}, false
	}
	if !exactStamps {
		sum, err := f.hash.file(f.path(name), held.at, f.buf)
		ok = err == nil && sum == held.sum
	}
	return held, ok
}

// plain reports whether git writes the bytes of a blob to a file, so that a copy of a file with
// these bytes will do.
func (f *filler) plain() bool {
	if f.wanted.settings.converts || f.wanted.writes == "" {
		return false
	}
	files := f.repo.otherAttributes(f.wanted.settings)
	for _, m := range allOf(f.wanted.modules) {
		if m.settings.converts {
			return false
		}
		files = append(files, m.repo.otherAttributes(m.settings)...)
	}
	for _, p := range f.wanted.files {
		if isAttributes(p.path) {
			held, kept := f.held(p.path)
			if !kept || held.sum != p.hash {
				return false // what it says is not known yet
			}
			files = append(files, f.path(p.path))
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) || convert(text) {
			return false
		}
	}
	return true
}

// asGitWrites reports whether a file has the kind and permissions that git gives it.
func (f *filler) asGitWrites(mode string, at stamp) bool {
	switch mode {
	case "100644":
		return at.kind == kindFile && at.perm == 0o666&^f.umask
	case "100755":
		return at.kind == kindFile && at.perm == 0o777&^f.umask
	case linkMode:
		return at.kind == kindLink
	}
	return false
}

// umaskIn returns the permissions that new files in a directory do not get.
func umaskIn(dir string) (uint32, error) {
	probe, err := os.OpenFile(filepath.Join(dir, "umask"), os.O_CREATE|os.O_RDONLY, 0o777)
	if err != nil {
		return 0, err
	}
	defer os.Remove(probe.Name())
	defer probe.Close()
	at, err := openStamp(probe)
	return 0o777 &^ at.perm, err
}

// scan returns the stamps of everything below a directory, by slash-separated name. It opens
// directories that a test has closed.
func scan(ctx context.Context, dir string) (map[string]stamp, error) {
	there := make(map[string]stamp)
	var walk func(dir, prefix string) error
	walk = func(dir, prefix string) error {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			file, name := filepath.Join(dir, e.Name()), prefix+e.Name()
			if name == ".git" {
				continue // furnish makes a new one
			}
			at, err := stampOf(file)
			if err != nil {
				return err
			}
			there[name] = at
			if at.kind != kindDir {
				continue
			}
			if at.perm&0o700 != 0o700 {
				if err := os.Chmod(file, 0o700); err != nil {
					return err
				}
			}
			if err := walk(file, name+"/"); err != nil {
				return err
			}
		}
		return nil
	}
	return there, walk(dir, "")
}

// clear removes what the export should not have or what will be written again, and makes missing
// directories. Copies may turn out to be as they should be.
func (f *filler) clear(ctx context.Context, copies []wantedFile) error {
	keep := make(map[string]bool, len(f.new.files)+len(copies))
	for name := range f.new.files {
		keep[name] = true
	}
	for _, p := range copies {
		if _, kept := f.held(p.path); kept {
			keep[p.path] = true
		}
	}
	dirs := f.dirs()
	for _, module := range f.wanted.dirs {
		keep[module+"/.git"] = true // furnish replaces it
	}
	for name, at := range f.there {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		_, isDir := dirs[name]
		if keep[name] && at.kind != kindDir || isDir && at.kind == kindDir {
			continue
		}
		f.dirty = true
		if err := removeAll(f.path(name)); err != nil {
			return err
		}
	}
	for name := range dirs {
		if err := os.MkdirAll(f.path(name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// dirs returns the directories of the export with their entries. A directory ends with a slash in
// the list.
func (f *filler) dirs() map[string][]string {
	dirs := map[string][]string{".": nil}
	var add func(name, slash string)
	add = func(name, slash string) {
		dir := path.Dir(name)
		if _, known := dirs[dir]; !known {
			dirs[dir] = nil
			add(dir, "/")
		}
		dirs[dir] = append(dirs[dir], path.Base(name)+slash)
	}
	for _, p := range f.wanted.files {
		add(p.path, "")
	}
	for _, name := range f.wanted.dirs {
		if _, known := dirs[name]; !known {
			dirs[name] = nil
			add(name, "/")
		}
	}
	return dirs
}

// finishDirs gives directories the permissions and times that they should have, whatever happened
// in them.
func (f *filler) finishDirs() error {
	for name, entries := range f.dirs() {
		dir, perm, modified := f.path(name), 0o755&^f.umask, listingTime(entries)
		at, err := stampOf(dir)
		if err != nil {
			return err
		}
		if at.perm != perm && name != "." {
			if err := os.Chmod(dir, fs.FileMode(perm)); err != nil {
				return err
			}
		}
		if at.modified != modified.UnixNano() {
			if err := os.Chtimes(dir, modified, modified); err != nil {
				return err
			}
		}
	}
	return nil
}

// add records a file that was written, and gives it the time of its content.
func (f *filler) add(name string, held heldFile) error {
	file := f.path(name)
	var err error
	if held.at, err = stampOf(file); err != nil {
		return err
	}
	if held.sum == "" {
		if held.sum, err = f.hash.file(file, held.at, f.buf); err != nil {
			return err
		}
	}
	modified := contentTime(held.sum)
	if held.at.kind == kindLink {
		err = touchLink(file, modified)
	} else {
		err = os.Chtimes(file, modified, modified)
	}
	if err == nil {
		held.at, err = stampOf(file)
	}
	f.new.files[name], f.dirty = held, true
	return err
}

// checkout has git write entries, those of each submodule from its repository.
func (f *filler) checkout(ctx context.Context, write []wantedFile) error {
	of := make(map[*module][]entry)
	for _, p := range write {
		of[p.module] = append(of[p.module], p.entry)
	}
	if err := f.checkoutFrom(ctx, f.repo, "", of[nil]); err != nil {
		return err
	}
	for _, m := range allOf(f.wanted.modules) {
		err := f.checkModuleDir(m)
		if err == nil {
			err = f.checkoutFrom(ctx, m.repo, m.at+"/", of[m])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkoutFrom has git write entries of a repository. Prefix is where it is in the export.
func (f *filler) checkoutFrom(ctx context.Context, from *Repo, prefix string, entries []entry) error {
	if len(entries) == 0 {
		return nil
	}
	for i := range entries {
		entries[i].path = strings.TrimPrefix(entries[i].path, prefix)
	}
	failed, err := from.checkout(ctx, entries, f.path(prefix), filepath.Join(f.aside, "index"))
	if err != nil {
		return err
	}
	f.wanted.gaps = append(f.wanted.gaps, filterGaps(failed)...)
	for _, e := range entries {
		held := heldFile{}
		if f.wanted.writes != "" && len(failed) == 0 { // or the next run has git write it again
			held.blob = e.id()
		}
		if err := f.add(prefix+e.path, held); err != nil {
			return err
		}
	}
	return nil
}
