package gitdir

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxObject limits the size of a commit or tree, in bytes.
const maxObject = 16 << 20

// Changed returns the paths of the files in which a tree differs from the tree of HEAD. It returns
// false if it needs an object from a pack, or more than a few hundred objects.
func (d Dir) Changed(tree string) ([]string, bool) {
	head, ok := d.head()
	if !ok {
		return nil, false
	}
	kind, commit, ok := d.loose(head)
	line, _, _ := bytes.Cut(commit, []byte("\n"))
	before, isTree := strings.CutPrefix(string(line), "tree ")
	if !ok || kind != "commit" || !isTree {
		return nil, false
	}
	c := comparison{Dir: d, size: len(tree) / 2}
	if before != tree && !c.compare(before, tree, "") {
		return nil, false
	}
	return c.names, true
}

// head resolves HEAD by loose refs.
func (d Dir) head() (string, bool) {
	name := filepath.Join(d.GitDir, "HEAD")
	for range 5 {
		b, err := os.ReadFile(name)
		if err != nil {
			return "", false
		}
		text := strings.TrimSpace(string(b))
		ref, symbolic := strings.CutPrefix(text, "ref: ")
		if !symbolic {
			return text, isHash(text)
		}
		if !strings.HasPrefix(ref, "refs/heads/") || !filepath.IsLocal(ref) {
			return "", false
		}
		name = filepath.Join(d.CommonDir, filepath.FromSlash(ref))
	}
	return "", false
}

func isHash(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && (len(s) == 40 || len(s) == 64)
}

// loose reads an object that has its own file.
func (d Dir) loose(hash string) (kind string, content []byte, ok bool) {
	if !isHash(hash) {
		return "", nil, false
	}
	f, err := os.Open(filepath.Join(d.CommonDir, "objects", hash[:2], hash[2:]))
	if err != nil {
		return "", nil, false
	}
	defer f.Close()
	z, err := zlib.NewReader(f)
	if err != nil {
		return "", nil, false
	}
	b, err := io.ReadAll(io.LimitReader(z, maxObject))
	if err != nil || len(b) == maxObject {
		return "", nil, false
	}
	head, content, ok := bytes.Cut(b, []byte{0})
	kind, _, _ = strings.Cut(string(head), " ")
	return kind, content, ok
}

// comparison collects the files in which two trees differ.
type comparison struct {
	Dir
	size  int // of a hash, in bytes
	names []string
	read  int // trees
}

// mostTrees limits how many trees are read. For more, git is faster.
const mostTrees = 400

func (c *comparison) compare(before, after, dir string) bool {
	a, ok := c.tree(before)
	if !ok {
		return false
	}
	b, ok := c.tree(after)
	if !ok {
		return false
	}
	seen := make(map[string]bool)
	for name, was := range a {
		seen[name] = true
		if !c.entry(path.Join(dir, name), was, b[name]) {
			return false
		}
	}
	for name, is := range b {
		if !seen[name] && !c.entry(path.Join(dir, name), treeEntry{}, is) {
			return false
		}
	}
	return true
}

// entry compares one entry of two trees. The zero value is a missing entry.
func (c *comparison) entry(name string, was, is treeEntry) bool {
	if was == is {
		return true
	}
	const folder = "40000"
	if was.mode == folder || is.mode == folder {
		var before, after string
		if was.mode == folder {
			before = was.hash
		} else if was.mode != "" {
			c.names = append(c.names, name)
		}
		if is.mode == folder {
			after = is.hash
		} else if is.mode != "" {
			c.names = append(c.names, name)
		}
		return c.compare(before, after, name)
	}
	c.names = append(c.names, name)
	return true
}

type treeEntry struct{ mode, hash string }

// tree reads a tree. The tree "" is empty.
func (c *comparison) tree(hash string) (map[string]treeEntry, bool) {
	entries := make(map[string]treeEntry)
	if hash == "" {
		return entries, true
	}
	if c.read++; c.read > mostTrees {
		return nil, false
	}
	kind, b, ok := c.loose(hash)
	if !ok || kind != "tree" {
		return nil, false
	}
	for len(b) > 0 {
		head, rest, ok := bytes.Cut(b, []byte{0})
		mode, name, named := strings.Cut(string(head), " ")
		if !ok || !named || name == "" || len(rest) < c.size {
			return nil, false
		}
		entries[name] = treeEntry{mode, hex.EncodeToString(rest[:c.size])}
		b = rest[c.size:]
	}
	return entries, true
}
