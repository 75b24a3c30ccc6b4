package forge

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-github/v92/github"
)

const mayPush = "contents: write"

const (
	movedHint     = "run the tests again for the new commits"
	protectedHint = "apply the patch in a pull request"
)

// Branch returns the head commit of a branch, and whether rules protect it.
func (g *GitHub) Branch(ctx context.Context, name string) (sha string, protected bool, err error) {
	req, err := g.client.NewRequest(ctx, http.MethodGet, fmt.Sprintf("repos/%s/%s/branches/%s", g.owner, g.repo, url.PathEscape(name)), nil)
	if err != nil {
		return "", false, err
	}
	var b github.Branch
	if _, err := g.client.Do(req, &b); err != nil {
		return "", false, g.problem(fmt.Sprintf("read the branch %q", name), "contents: read", err)
	}
	return b.GetCommit().GetSHA(), b.GetProtected(), nil
}

// The modes of plain files.
const (
	Plain      = "100644"
	Executable = "100755"
)

// File is a plain file of a commit.
type File struct {
	Content []byte
	Mode    string // Plain or Executable; "" means Plain
	Delete  bool   // in a Commit: the file is deleted
}

// File reads a file of a commit, of at most max bytes. It refuses links, directories and
// submodules with ErrNoFile.
func (g *GitHub) File(ctx context.Context, path, commit string, max int64) (f File, exists bool, err error) {
	if !isObject(commit) {
		return File{}, false, &Error{What: fmt.Sprintf("%.60q is not the hash of a commit", commit)}
	}
	tree := commit // the API accepts a commit in place of its tree
	steps := strings.Split(path, "/")
	for i, step := range steps {
		entry, err := g.entry(ctx, tree, step)
		if err != nil || entry == nil {
			return File{}, false, err
		}
		last := i == len(steps)-1
		switch kind := entry.GetType(); {
		case !last && kind == "tree":
			tree = entry.GetSHA()
		case last && kind == "blob" && (entry.GetMode() == Plain || entry.GetMode() == Executable):
			return g.blob(ctx, path, entry, max)
		default:
			return File{}, false, &Error{What: fmt.Sprintf("%q at %s has the mode %s", path, commit, entry.GetMode()), Err: ErrNoFile}
		}
	}
	return File{}, false, nil
}

// isObject reports whether a name is the hash of a git object, and so is safe in a URL.
func isObject(name string) bool {
	return (len(name) == 40 || len(name) == 64) && strings.Trim(name, "0123456789abcdef") == ""
}

// entry returns the entry of a tree with a name, or nil.
func (g *GitHub) entry(ctx context.Context, tree, name string) (*github.TreeEntry, error) {
	t, _, err := g.client.Git.GetTree(ctx, g.owner, g.repo, tree, false)
	if err != nil {
		return nil, g.problem("read the tree "+tree, "contents: read", err)
	}
	for _, e := range t.Entries {
		if e.GetPath() == name {
			return e, nil
		}
	}
	if t.GetTruncated() {
		return nil, &Error{What: "GitHub lists only a part of the tree " + tree, Err: ErrTooLarge}
	}
	return nil, nil
}

func (g *GitHub) blob(ctx context.Context, path string, entry *github.TreeEntry, max int64) (File, bool, error) {
	large := &Error{What: fmt.Sprintf("%q has %d bytes, the limit is %d", path, entry.GetSize(), max), Err: ErrTooLarge}
	if int64(entry.GetSize()) > max {
		return File{}, false, large
	}
	b, _, err := g.client.Git.GetBlobRaw(ctx, g.owner, g.repo, entry.GetSHA())
	if err != nil {
		return File{}, false, g.problem(fmt.Sprintf("read %q", path), "contents: read", err)
	}
	if int64(len(b)) > max {
		return File{}, false, large
	}
	return File{Content: b, Mode: entry.GetMode()}, true, nil
}

// Commit is a commit to make on a branch.
type Commit struct {
	Branch  string
	New     bool   // create the branch at this commit; see GitHub.Commit
	Parent  string // where the branch must be, or where a new one begins
	Message string
	Files   map[string]File // by path; all others stay as they are
}

// Commit makes a commit, moves the branch to it, and returns its hash. The author is the owner
// of the token, so that GitHub signs the commit for an App. The branch is never forced: if it
// is no longer at the parent, nothing changes and the error is ErrMoved. Other errors are
// ErrProtected, ErrExists (for a new branch) and ErrDenied. A new branch that already exists
// with exactly this content and parent counts as created: the answer to an earlier try may
// have been lost.
func (g *GitHub) Commit(ctx context.Context, c Commit) (sha string, err error) {
	if !isObject(c.Parent) || c.Branch == "" {
		return "", &Error{What: fmt.Sprintf("cannot commit to the branch %.60q after %.60q", c.Branch, c.Parent)}
	}
	if !c.New {
		// A branch that was reset to before the parent could be fast-forwarded, and would
		// get back commits that someone removed.
		at, protected, err := g.Branch(ctx, c.Branch)
		switch {
		case err != nil:
			return "", err
		case at != c.Parent:
			return "", moved(c, at)
		case protected:
			return "", &Error{What: fmt.Sprintf("the branch %q is protected", c.Branch), Advice: protectedHint, kinds: []error{ErrProtected}}
		}
	}
	tree, err := g.tree(ctx, c)
	if err != nil {
		return "", g.problem("make a commit", mayPush, err)
	}
	if c.New {
		if at, _, err := g.Branch(ctx, c.Branch); err == nil {
			return at, g.same(ctx, c, at, tree)
		} else if !errors.Is(err, ErrNotFound) {
			return "", err
		}
	}
	err = g.pace.write(ctx, func() error {
		made, _, err := g.client.Git.CreateCommit(ctx, g.owner, g.repo, github.Commit{Message: &c.Message, Tree: &github.Tree{SHA: &tree}, Parents: []*github.Commit{{SHA: &c.Parent}}}, nil)
		sha = made.GetSHA()
		return err
	})
	if err != nil {
		return "", g.problem("make a commit", mayPush, err)
	}
	ref := "refs/heads/" + c.Branch
	err = g.pace.write(ctx, func() error {
		if c.New {
			_, _, err := g.client.Git.CreateRef(ctx, g.owner, g.repo, github.CreateRef{Ref: ref, SHA: sha})
			return err
		}
		_, _, err := g.client.Git.UpdateRef(ctx, g.owner, g.repo, ref, github.UpdateRef{SHA: sha, Force: new(false)})
		return err
	})
	if err != nil {
		return "", g.refProblem(c, err)
	}
	return sha, nil
}

func moved(c Commit, at string) error {
	return &Error{
		What: fmt.Sprintf("the branch %q is at %.12s now, not at %.12s", c.Branch, at, c.Parent), Advice: movedHint,
		kinds: []error{ErrMoved},
	}
}

// same checks that an existing branch has the tree and the parent.
func (g *GitHub) same(ctx context.Context, c Commit, at, tree string) error {
	existing, _, err := g.client.Git.GetCommit(ctx, g.owner, g.repo, at)
	if err != nil {
		return g.problem("read the commit "+at, "contents: read", err)
	}
	if existing.GetTree().GetSHA() != tree || len(existing.Parents) != 1 || existing.Parents[0].GetSHA() != c.Parent {
		return &Error{What: fmt.Sprintf("the branch %q already exists with other content", c.Branch), Advice: "delete it if nobody needs it", kinds: []error{ErrExists}}
	}
	return nil
}

// tree creates the blobs and the tree of a commit. Nothing refers to them yet.
func (g *GitHub) tree(ctx context.Context, c Commit) (string, error) {
	parent, _, err := g.client.Git.GetCommit(ctx, g.owner, g.repo, c.Parent)
	if err != nil {
		return "", err
	}
	var entries []*github.TreeEntry
	for _, path := range slices.Sorted(maps.Keys(c.Files)) {
		f := c.Files[path]
		mode := f.Mode
		if mode == "" {
			mode = Plain
		}
		entry := &github.TreeEntry{Path: &path, Mode: &mode, Type: new("blob")}
		if !f.Delete {
			blob := github.Blob{Content: new(base64.StdEncoding.EncodeToString(f.Content)), Encoding: new("base64")}
			err := g.pace.write(ctx, func() error {
				made, _, err := g.client.Git.CreateBlob(ctx, g.owner, g.repo, blob)
				entry.SHA = new(made.GetSHA())
				return err
			})
			if err != nil {
				return "", err
			}
		}
		entries = append(entries, entry)
	}
	var tree *github.Tree
	err = g.pace.write(ctx, func() (err error) {
		tree, _, err = g.client.Git.CreateTree(ctx, g.owner, g.repo, parent.GetTree().GetSHA(), entries)
		return err
	})
	return tree.GetSHA(), err
}

// refProblem returns why a branch was not moved, which GitHub says only in words.
func (g *GitHub) refProblem(c Commit, err error) error {
	answer, message := refusal(err)
	err = g.problem(fmt.Sprintf("move the branch %q", c.Branch), mayPush, err)
	e, ok := err.(*Error)
	if !ok || answer == nil {
		return err
	}
	contains := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(strings.ToLower(message), w) })
	}
	switch {
	case contains("protected branch", "rule violation", "protected ref"):
		e.kinds, e.Advice = []error{ErrProtected}, protectedHint
	case contains("workflow"): // a token of Actions may not change .github/workflows
	case contains("already exists"):
		e.kinds = append(e.kinds, ErrExists)
	case answer.StatusCode == http.StatusUnprocessableEntity && contains("fast forward", "fast-forward", "does not exist"),
		answer.StatusCode == http.StatusConflict:
		e.kinds, e.Advice = append(e.kinds, ErrMoved), movedHint
	}
	return e
}
