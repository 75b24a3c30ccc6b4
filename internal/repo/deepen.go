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

// Login is how to fetch where the clone's own configuration is refused. No other process
// sees it, and no other server gets it.
type Login struct {
	Server string // https://github.com
	Header string // Authorization: ...
}

// deepening are the numbers of commits by which a shallow history is continued, one
// after the other: most branches are short, and after these the whole is not much more.
var deepening = []int{30, 300, 3000}

var (
	fullHash     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9a-f]{40}(?:[0-9a-f]{24})?)(~1)?$`) })
	remoteBranch = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([A-Za-z0-9._-]+)/([^\s:^~?*\[\\]+)$`) })
)

// Deepen fetches what a shallow clone lacks to tell where rev and HEAD went apart: rev
// itself, which is a full hash, with ~1 its parent, or a remote branch such as origin/main, and no more of
// the history of both than it takes. A clone that is not shallow, or has it all, is
// left as it is; so are branches, tags and files in any case.
//
// It is not to be called while the Repo is used otherwise.
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

// meet tells whether two revisions have a common ancestor that is there.
func (r *Repo) meet(ctx context.Context, a, b string) bool {
	_, err := r.git.output(ctx, "merge-base", a, b)
	return err == nil
}

// fetcher fetches from one remote.
type fetcher struct {
	git             git
	remote, refspec string
	depth           string // at which the revision is there
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

// fetch runs one fetch, and once more with the login where the first is refused.
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
	return err // the clone's own way, of which people know
}

// withConfig is a git with one more setting, which the list of processes does not show.
func (g git) withConfig(key, value string) git {
	n, _ := strconv.Atoi(g.getenv("GIT_CONFIG_COUNT"))
	n = max(n, 0)
	at := strconv.Itoa(n)
	return g.with("GIT_CONFIG_KEY_"+at+"="+key, "GIT_CONFIG_VALUE_"+at+"="+value, "GIT_CONFIG_COUNT="+strconv.Itoa(n+1))
}

// shallow tells whether the history is cut off.
func (r *Repo) shallow() bool {
	info, err := os.Stat(filepath.Join(r.commonDir, "shallow"))
	return err == nil && info.Size() > 0
}
