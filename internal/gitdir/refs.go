package gitdir

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Plain reports whether refs and objects are in the files that this package reads. Git asks
// every program to refuse format versions and extensions that it does not know: they say
// that the data is not what it looks like (sha256, reftable, worktreeConfig).
func (d Dir) Plain() bool {
	b, err := os.ReadFile(filepath.Join(d.CommonDir, "config"))
	if err != nil {
		return false
	}
	b = bytes.ToLower(b)
	if bytes.Contains(b, []byte("[extensions")) {
		return false
	}
	for line := range bytes.Lines(b) {
		key, value, _ := bytes.Cut(line, []byte("="))
		if string(bytes.TrimSpace(key)) != "repositoryformatversion" {
			continue
		}
		if v := string(bytes.TrimSpace(value)); v != "0" && v != "1" {
			return false
		}
	}
	return true
}

// Ref resolves HEAD or the full name of a branch or remote branch.
func (d Dir) Ref(name string) (hash string, ok bool) {
	for range 5 {
		text, err := d.looseRef(name)
		if errors.Is(err, fs.ErrNotExist) {
			return d.packedRef(name)
		}
		if err != nil {
			return "", false
		}
		target, symbolic := strings.CutPrefix(text, "ref: ")
		if !symbolic {
			return text, isHash(text)
		}
		name = target
	}
	return "", false
}

// Symbolic returns the ref that a symbolic one like HEAD points to, or "" if there is no such
// ref or it is not symbolic.
func (d Dir) Symbolic(name string) (target string, ok bool) {
	text, err := d.looseRef(name) // git never packs a symbolic one
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", name != "HEAD"
	case err != nil:
		return "", false
	}
	target, symbolic := strings.CutPrefix(text, "ref: ")
	if !symbolic {
		return "", isHash(text)
	}
	return target, true
}

var errRef = errors.New("not a plain ref")

// looseRef reads the file of a ref.
func (d Dir) looseRef(name string) (string, error) {
	file := filepath.Join(d.CommonDir, filepath.FromSlash(name))
	switch {
	case name == "HEAD":
		file = filepath.Join(d.GitDir, name)
	case !branchRef(name):
		return "", errRef
	}
	info, err := os.Lstat(file)
	switch {
	case err != nil:
		return "", err
	case info.IsDir(): // other refs are below it
		return "", fs.ErrNotExist
	case !info.Mode().IsRegular(): // a link, as symbolic refs once were
		return "", errRef
	}
	b, err := os.ReadFile(file)
	return strings.TrimSpace(string(b)), err
}

func branchRef(name string) bool {
	return (strings.HasPrefix(name, "refs/heads/") || strings.HasPrefix(name, "refs/remotes/")) && path.Clean(name) == name
}

// packedRef looks up a ref in packed-refs.
func (d Dir) packedRef(name string) (hash string, ok bool) {
	if !branchRef(name) {
		return "", false
	}
	f, err := os.Open(filepath.Join(d.CommonDir, "packed-refs"))
	if err != nil {
		return "", false
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		if hash, ref, _ := bytes.Cut(in.Bytes(), []byte(" ")); string(ref) == name {
			return string(hash), isHash(string(hash))
		}
	}
	return "", false
}

// Commit holds the fields of a commit.
type Commit struct {
	Tree, Author, Subject string
	Parents               []string
}

// Commit reads a commit that has its own file and is written in UTF-8.
func (d Dir) Commit(hash string) (c Commit, ok bool) {
	kind, content, ok := d.loose(hash)
	if !ok || kind != "commit" {
		return c, false
	}
	head, message, _ := strings.Cut(string(content), "\n\n")
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "tree":
			c.Tree = value
		case "parent":
			c.Parents = append(c.Parents, value)
		case "author":
			name, _, _ := strings.Cut(value, " <")
			c.Author = name
		case "encoding":
			return Commit{}, false
		}
	}
	c.Subject = subject(message)
	return c, isHash(c.Tree)
}

// subject joins the lines of the first paragraph, like git.
func subject(message string) string {
	var words []string
	for line := range strings.Lines(strings.TrimLeft(message, " \t\r\n")) {
		if line = strings.TrimRight(line, " \t\r\n"); line == "" {
			break
		}
		words = append(words, line)
	}
	return strings.Join(words, " ")
}
