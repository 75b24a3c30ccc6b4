package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// refs are the branches, tags and other names in a repository.
type refs struct {
	branch string            // what HEAD is on, "refs/heads/main"; "" if it is detached
	head   string            // commit of HEAD; "" before the first one
	hashes map[string]string // by full name
	peeled map[string]string // what annotated tags point to, if known
	links  map[string]string // symbolic refs
}

// readRefs reads all refs that a clone or a fetch could have made. It starts no process for refs in
// files; git reads those in a reftable.
func (r *Repo) readRefs(ctx context.Context, storage string) (refs, error) {
	if storage != "" && storage != "files" {
		return r.askRefs(ctx)
	}
	found := refs{hashes: make(map[string]string), peeled: make(map[string]string), links: make(map[string]string)}
	// Git packs a ref before it removes its file. In this order, none is missed.
	if err := found.readLoose(r.commonDir); err != nil {
		return refs{}, err
	}
	packed, err := os.ReadFile(filepath.Join(r.commonDir, "packed-refs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return refs{}, err
	}
	found.readPacked(packed)
	head, err := os.ReadFile(filepath.Join(r.gitDir, "HEAD"))
	if err != nil {
		return refs{}, err
	}
	if info, err := os.Lstat(filepath.Join(r.gitDir, "HEAD")); err != nil || !info.Mode().IsRegular() {
		return r.askRefs(ctx) // an old form: a symbolic link
	}
	if branch, ok := symbolicRef(head); ok {
		found.branch, found.head = branch, found.resolve(branch)
	} else {
		found.head = strings.TrimSpace(string(head))
	}
	return found, nil
}

// askRefs has git read the refs.
func (r *Repo) askRefs(ctx context.Context) (refs, error) {
	found := refs{hashes: make(map[string]string), peeled: make(map[string]string), links: make(map[string]string)}
	out, err := r.git.output(ctx, "for-each-ref", "--format=%(refname) %(objectname) %(*objectname) %(symref)")
	if err != nil {
		return refs{}, err
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(f) != 4 || isOfUser(f[0]) {
			continue
		}
		if f[3] != "" {
			found.links[f[0]] = f[3]
			continue
		}
		found.hashes[f[0]] = f[1]
		if f[2] != "" {
			found.peeled[f[0]] = f[2]
		}
	}
	if found.branch, err = r.git.line(ctx, "symbolic-ref", "--quiet", "HEAD"); err != nil && exitStatus(err) != 1 { // 1: it is detached
		return refs{}, err
	}
	found.head, err = r.git.line(ctx, "rev-parse", "--quiet", "--verify", "HEAD^{commit}")
	if exitStatus(err) != 0 {
		found.head, err = "", nil
	}
	return found, err
}

// ofUser are refs for what a user has under way, which no other checkout has.
var ofUser = []string{"refs/stash", "refs/bisect", "refs/worktree", "refs/rewritten"}

func isOfUser(name string) bool {
	return slices.ContainsFunc(ofUser, func(dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") })
}

func (f *refs) readLoose(dir string) error {
	err := filepath.WalkDir(filepath.Join(dir, "refs"), func(file string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		name := filepath.ToSlash(rel)
		if err != nil || isOfUser(name) || strings.HasSuffix(name, lockSuffix) {
			return err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil // a broken ref, which git skips
		}
		if target, ok := symbolicRef(content); ok {
			f.links[name] = target
		} else if hash := strings.TrimSpace(string(content)); isHash(hash) {
			f.hashes[name] = hash
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// readPacked reads the refs that have no file.
func (f *refs) readPacked(content []byte) {
	name := ""
	for line := range bytes.Lines(content) {
		line := strings.TrimSuffix(string(line), "\n")
		if peeled, ok := strings.CutPrefix(line, "^"); ok {
			if name != "" {
				f.peeled[name] = peeled
			}
			continue
		}
		hash, rest, ok := strings.Cut(line, " ")
		name = ""
		if !ok || !isHash(hash) || isOfUser(rest) {
			continue
		}
		_, loose := f.hashes[rest]
		if _, link := f.links[rest]; !loose && !link {
			name, f.hashes[rest] = rest, hash
		}
	}
}

func symbolicRef(content []byte) (target string, ok bool) {
	target, ok = strings.CutPrefix(string(content), "ref:")
	return strings.TrimSpace(target), ok
}

func isHash(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// resolve returns the hash of a ref, or "".
func (f *refs) resolve(name string) string {
	const deepest = 5 // for git, too
	for range deepest {
		target, ok := f.links[name]
		if !ok {
			break
		}
		name = target
	}
	return f.hashes[name]
}

// packed returns the content of a file packed-refs.
func (f *refs) packed() []byte {
	var b bytes.Buffer
	b.WriteString("# pack-refs with: sorted \n")
	for _, name := range slices.Sorted(maps.Keys(f.hashes)) {
		fmt.Fprintf(&b, "%s %s\n", f.hashes[name], name)
		if peeled := f.peeled[name]; peeled != "" {
			fmt.Fprintf(&b, "^%s\n", peeled)
		}
	}
	return b.Bytes()
}
