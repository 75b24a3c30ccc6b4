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

// Branch gives the last commit of a branch, and whether rules protect it.
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
	Mode    string // Plain, which "" stands for too, or Executable
	Delete  bool   // in a Commit: it is taken away
}

// File reads a file of a commit, of at most max bytes. Links, folders and submodules
// are refused, as ErrNoFile.
func (g *GitHub) File(ctx context.Context, path, commit string, max int64) (f File, exists bool, err error) {
	if !isObject(commit) {
		return File{}, false, &Error{What: fmt.Sprintf("%.60q is no name of a commit", commit)}
	}
	tree := commit // which stands for its tree
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

// isObject tells whether a name is one of git's objects, and so can be part of an
// address.
func isObject(name string) bool {
	return (len(name) == 40 || len(name) == 64) && strings.Trim(name, "0123456789abcdef") == ""
}

// entry is what a tree has by a name, or nil.
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
		return nil, &Error{What: "the tree " + tree + " is not told whole", Err: ErrTooLarge}
	}
	return nil, nil
}

func (g *GitHub) blob(ctx context.Context, path string, entry *github.TreeEntry, max int64) (File, bool, error) {
	large := &Error{What: fmt.Sprintf("%q has %d bytes, of at most %d", path, entry.GetSize(), max), Err: ErrTooLarge}
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

// Commit is one to make on a branch.
type Commit struct {
	Branch  string
	New     bool   // the branch is to be made, at this commit; see GitHub.Commit
	Parent  string // where the branch has to be; of a new one, where it begins
	Message string
	Files   map[string]File // by path; all others stay
}

// Commit makes a commit and moves its branch to it, and gives its name. The author is
// whom the token belongs to, so that GitHub signs it for an App. The branch is never
// forced: where it is no longer at the parent nothing comes of it, and the error is
// ErrMoved. ErrProtected, ErrExists (of a new branch) and ErrDenied are others. A new
// branch that is there already with just this content, after this parent, is taken: the
// answer to an earlier try may have been lost.
func (g *GitHub) Commit(ctx context.Context, c Commit) (sha string, err error) {
	if !isObject(c.Parent) || c.Branch == "" {
		return "", &Error{What: fmt.Sprintf("a commit on the branch %.60q after %.60q cannot be", c.Branch, c.Parent)}
	}
	if !c.New {
		// A branch that was taken back behind the parent could be moved forward again,
		// with commits that somebody wanted off it.
		at, protected, err := g.Branch(ctx, c.Branch)
		switch {
		case err != nil:
			return "", err
		case at != c.Parent:
			return "", moved(c, at)
		case protected:
			return "", &Error{What: fmt.Sprintf("the branch %q is protected, and nothing is pushed to it", c.Branch), kinds: []error{ErrProtected}}
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
		What: fmt.Sprintf("the branch %q is at %.12s now, not at %.12s", c.Branch, at, c.Parent), Advice: "let the tests run on what is there now",
		kinds: []error{ErrMoved},
	}
}

// same checks that a branch that is there has the tree, after the parent.
func (g *GitHub) same(ctx context.Context, c Commit, at, tree string) error {
	there, _, err := g.client.Git.GetCommit(ctx, g.owner, g.repo, at)
	if err != nil {
		return g.problem("read the commit "+at, "contents: read", err)
	}
	if there.GetTree().GetSHA() != tree || len(there.Parents) != 1 || there.Parents[0].GetSHA() != c.Parent {
		return &Error{What: fmt.Sprintf("there is a branch %q already, which has something else", c.Branch), Advice: "delete it if nobody needs it", kinds: []error{ErrExists}}
	}
	return nil
}

// tree makes blobs and the tree of a commit, which nothing refers to yet.
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

// refProblem tells apart why a branch was not moved, which GitHub does by words only.
func (g *GitHub) refProblem(c Commit, err error) error {
	answer, message := refusal(err)
	err = g.problem(fmt.Sprintf("move the branch %q", c.Branch), mayPush, err)
	e, ok := err.(*Error)
	if !ok || answer == nil {
		return err
	}
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(strings.ToLower(message), w) })
	}
	switch {
	case says("protected branch", "rule violation", "protected ref"):
		e.kinds, e.Advice = []error{ErrProtected}, "nothing is pushed to a protected branch; apply the patch in a pull request"
	case says("workflow"): // a token of Actions may not change .github/workflows
	case says("already exists"):
		e.kinds = append(e.kinds, ErrExists)
	case answer.StatusCode == http.StatusUnprocessableEntity && says("fast forward", "fast-forward", "does not exist"),
		answer.StatusCode == http.StatusConflict:
		e.kinds, e.Advice = append(e.kinds, ErrMoved), "let the tests run on what is there now"
	}
	return e
}
