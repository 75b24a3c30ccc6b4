package resultfile

import (
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Tree has the names of a tree's files, listed on first use. It finds the files that results
// mean: those may come from another directory, another machine or another system.
type Tree struct {
	root   string
	once   sync.Once
	byBase map[string][]string
}

// NewTree returns the tree in a directory.
func NewTree(root string) *Tree { return &Tree{root: root} }

// foreignDirs are directories with third-party code.
var foreignDirs = []string{".git", "node_modules", "site-packages", "dist-packages", "vendor", ".venv", "venv", ".tox", ".nox"}

func (t *Tree) list() {
	const most = 500_000
	t.byBase = make(map[string][]string)
	n := 0
	_ = filepath.WalkDir(t.root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // a directory that cannot be read
		case d.IsDir() && slices.Contains(foreignDirs, d.Name()) && name != t.root:
			return fs.SkipDir
		case n >= most:
			return fs.SkipAll
		case !d.IsDir():
			n++
			if rel, err := filepath.Rel(t.root, name); err == nil {
				t.byBase[d.Name()] = append(t.byBase[d.Name()], filepath.ToSlash(rel))
			}
		}
		return nil
	})
}

// Named returns the files with the given base name.
func (t *Tree) Named(base string) []string {
	t.once.Do(t.list)
	return t.byBase[base]
}

// Locate returns the file that a name from a tool means, in any form, or "".
func (t *Tree) Locate(name string) string {
	name, abs := parseName(name)
	if abs {
		return t.FindForeign(name)
	}
	return t.Find(name)
}

// Find returns the file that a relative name means, or "": that file, or the only one whose path
// ends with the name, since a command may run in a subdirectory and Java traces have file names
// only.
func (t *Tree) Find(name string) string {
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	if !fs.ValidPath(name) || hasForeignDir(name) {
		return ""
	}
	found := ""
	for _, file := range t.Named(path.Base(name)) {
		switch {
		case file == name:
			return file
		case strings.HasSuffix(file, "/"+name) && found != "":
			return ""
		case strings.HasSuffix(file, "/"+name):
			found = file
		}
	}
	return found
}

// FindForeign returns the file that an absolute path from elsewhere means, or "": the path ends
// with the whole name of the file, the longest if there are several. A base name alone must be
// the only one in the tree.
func (t *Tree) FindForeign(name string) string {
	if hasForeignDir(name) {
		return ""
	}
	found := ""
	files := t.Named(path.Base(name))
	for _, file := range files {
		if len(file) > len(found) && strings.HasSuffix(name, "/"+file) && (strings.Contains(file, "/") || len(files) == 1) {
			found = file
		}
	}
	above := strings.TrimSuffix(name, found)
	if found == "" || !strings.HasPrefix(above, usrSrc) && systemDir().MatchString(above) {
		return ""
	}
	return found
}

func hasForeignDir(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return slices.Contains(foreignDirs, part) })
}

var (
	// systemDir matches directories of programs and libraries, in which no checkout is.
	systemDir = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)^([a-z]:)?/(etc|usr|lib\d*|s?bin|dev|proc|sys|nix|snap|system|library|windows|program files( \(x86\))?)/` +
			`|/lib\d*/(python|ruby|perl|node|jvm|go|php|gcc|erlang|rustlib)[^/]*/|/python[\d.]*/lib/` +
			`|/(pkg/mod|hostedtoolcache|toolchains?|\.cargo|\.rustup|\.m2|\.gradle|gems|rustc|go[\d.]+/src)/|/go/src/$`)
	})
	drive = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z]:/`) })
	// bundled matches the addresses that bundlers give to sources: webpack://name/./src/x.js?hash.
	bundled = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:webpack(?:-internal|-generated)?|turbopack|rsc|app|ng|vite)://[^/]*/+(?:\([\w-]+\)/)?([^?#]*)`)
	})
	scheme = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9+.-]+:`) })
)

// usrSrc is where images of containers keep the project.
const usrSrc = "/usr/src/"

// parseName parses the name of a file as tools write it on any system: a path, a share, the
// address of a file, or that of a source in a bundle. It returns "" for other addresses. An
// absolute name begins with a slash or a drive.
func parseName(name string) (slashed string, abs bool) {
	if rest, ok := strings.CutPrefix(name, "file:"); ok {
		name = rest
		if plain, err := url.PathUnescape(rest); err == nil {
			name = plain
		}
		if host, ok := strings.CutPrefix(name, "//"); ok { // nearly always empty
			name = host[max(strings.IndexByte(host, '/'), 0):]
		}
		if drive().MatchString(strings.TrimPrefix(name, "/")) {
			name = name[1:]
		}
	} else if m := bundled().FindStringSubmatch(name); m != nil {
		return path.Clean(m[1]), false
	} else if scheme().MatchString(name) {
		return "", false
	}
	name = strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "//?/")
	return path.Clean(name), strings.HasPrefix(name, "/") || drive().MatchString(name)
}
