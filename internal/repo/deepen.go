package repo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
)

// Login is how to fetch if the server refuses the clone's own configuration. No other process sees
// it, and no other server gets it.
type Login struct {
	Server string // https://github.com
	Header string // Authorization: ...
}

// deepening lists by how many commits to deepen a shallow history, one after the other. Most
// branches are short, and after these the rest is not much more.
var deepening = []int{30, 300, 3000}

var (
	fullHash     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9a-f]{40}(?:[0-9a-f]{24})?)(~1)?$`) })
	remoteBranch = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([A-Za-z0-9._-]+)/([^\s:^~?*\[\\]+)$`) })
)

// Deepen fetches what a shallow clone lacks to find the merge-base of rev and HEAD: rev itself, and
// as much of the history of both as needed. Rev is a full hash, with ~1 for its parent, or a
// remote branch such as origin/main. Deepen fetches nothing if the clone has it all, and never
// changes branches, tags and files.
//
// Do not use the Repo otherwise at the same time.
func (r *Repo) Deepen(ctx context.Context, rev string, login Login) error {
	if !r.shallow() {
		return nil
	}
	head, err := r.Resolve(ctx, "HEAD")
	if err != nil {
		return err
	}
	f, err := r.fetcher(ctx, rev, login)
	if err != nil {
		return err
	}
	// go-git has read the objects before the fetch.
	defer func() { r.objects = r.openOnce() }()
	if _, err := r.git.output(ctx, "cat-file", "-e", rev+"^{commit}"); err != nil {
		if err := f.fetch(ctx, f.depth, f.refspec); err != nil {
			return err
		}
	}
	for _, n := range deepening {
		if r.meet(ctx, head, rev) || !r.shallow() {
			return nil
		}
		if err := f.fetch(ctx, "--deepen="+strconv.Itoa(n), f.refspec, head); err != nil {
			return err
		}
	}
	if r.meet(ctx, head, rev) || !r.shallow() {
		return nil
	}
	return f.fetch(ctx, "--unshallow", f.refspec, head)
}

// meet reports whether two revisions have a common ancestor that is in the clone.
func (r *Repo) meet(ctx context.Context, a, b string) bool {
	_, err := r.git.output(ctx, "merge-base", a, b)
	return err == nil
}

// fetcher fetches from one remote.
type fetcher struct {
	git             git
	remote, refspec string
	depth           string // at which the remote has the revision
	login           Login
}

func (r *Repo) fetcher(ctx context.Context, rev string, login Login) (*fetcher, error) {
	conf, err := r.config(ctx)
	if err != nil {
		return nil, err
	}
	f := &fetcher{git: r.git, login: login, depth: "--depth=1"}
	if m := fullHash().FindStringSubmatch(rev); m != nil {
		f.remote, f.refspec = conf.remote(""), m[1]
		if m[2] != "" {
			f.depth = "--depth=2"
		}
	} else if m := remoteBranch().FindStringSubmatch(rev); m != nil {
		f.remote, f.refspec = m[1], fmt.Sprintf("+refs/heads/%s:refs/remotes/%s", m[2], rev)
	}
	if f.remote == "" || conf["remote."+f.remote+".url"] == "" {
		return nil, &Error{Path: rev, Err: fmt.Errorf("%w, and no remote to fetch it from", ErrNoRevision), Advice: "let the checkout fetch more: `fetch-depth: 0`"}
	}
	return f, nil
}

// fetch fetches, and once more with the login if the server refuses the first attempt.
func (f *fetcher) fetch(ctx context.Context, depth string, refspecs ...string) error {
	args := append([]string{"fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--no-auto-maintenance", depth, f.remote}, refspecs...)
	_, err := f.git.output(ctx, args...)
	if err == nil || ctx.Err() != nil || f.login.Header == "" {
		return err
	}
	_, again := f.git.withConfig("http."+f.login.Server+"/.extraHeader", f.login.Header).output(ctx, args...)
	if again == nil || ctx.Err() != nil {
		return again
	}
	return err // of the clone's own configuration, which users know
}

// withConfig returns a git with one more setting, which the list of processes does not show.
func (g git) withConfig(key, value string) git {
	n, _ := strconv.Atoi(g.getenv("GIT_CONFIG_COUNT"))
	n = max(n, 0)
	at := strconv.Itoa(n)
	return g.with("GIT_CONFIG_KEY_"+at+"="+key, "GIT_CONFIG_VALUE_"+at+"="+value, "GIT_CONFIG_COUNT="+strconv.Itoa(n+1))
}

// shallow reports whether the clone lacks history.
func (r *Repo) shallow() bool {
	info, err := os.Stat(filepath.Join(r.commonDir, "shallow"))
	return err == nil && info.Size() > 0
}
