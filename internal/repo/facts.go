package repo

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Facts describe where in a repository its user is. Revisions are full hashes; "" means that it
// does not exist.
type Facts struct {
	Branch string // short name; "" if HEAD is detached
	Head   string // "" before the first commit

	Upstream      string // short name, "origin/main"
	UpstreamBase  string // merge-base of HEAD and the upstream
	DefaultBranch string // short name without a remote, "main"
	DefaultBase   string // merge-base of HEAD and the default branch, the remote's if known

	OrigHead  string // where HEAD was before the last merge, rebase or reset
	MergeHead bool   // a merge waits to be committed
	Operation string // in progress: "merge", "rebase", "am", "cherry-pick", "revert", "bisect", or ""

	Remote string // name of the upstream's remote, or origin, or the only one
	Host   string // of the remote, "github.com"; "" for a local one
	Slug   string // path on the host without .git, "owner/name"

	Shallow bool // the clone lacks history, so merge-bases may be missing
}

// Facts returns the facts. The repository may have no commits, incomplete history or no remote.
func (r *Repo) Facts(ctx context.Context) (Facts, error) {
	var f Facts
	head, err := r.symbolic(ctx, "HEAD")
	if err != nil {
		return f, err
	}
	f.Branch, _ = strings.CutPrefix(head, "refs/heads/")
	if f.Head, err = r.Resolve(ctx, "HEAD"); err != nil && !errors.Is(err, ErrNoCommits) {
		return f, err
	}
	conf, err := r.config(ctx)
	if err != nil {
		return f, err
	}
	f.OrigHead = r.gitFile("ORIG_HEAD")
	f.MergeHead = r.gitFile("MERGE_HEAD") != ""
	f.Operation = r.Folders().Underway()
	f.Shallow = r.shallow()

	f.Remote = conf.remote(f.Branch)
	f.Host, f.Slug = hostOf(conf["remote."+f.Remote+".url"])

	upstream := conf.upstream(f.Branch)
	f.Upstream = strings.TrimPrefix(strings.TrimPrefix(upstream, "refs/remotes/"), "refs/heads/")
	if f.UpstreamBase, err = r.base(ctx, f.Head, upstream); err != nil {
		return f, err
	}
	def, err := r.defaultBranch(ctx, conf, f.Remote)
	if err != nil || def == "" {
		return f, err
	}
	f.DefaultBranch = strings.TrimPrefix(strings.TrimPrefix(def, "refs/remotes/"+f.Remote+"/"), "refs/heads/")
	if def == upstream {
		f.DefaultBase = f.UpstreamBase
		return f, nil
	}
	f.DefaultBase, err = r.base(ctx, f.Head, def)
	return f, err
}

// Remote returns host and path of the repository's main remote, whatever branch is checked out: of
// origin, or of the only one. A local remote has neither.
func (r *Repo) Remote(ctx context.Context) (host, path string, err error) {
	conf, err := r.config(ctx)
	if err != nil {
		return "", "", err
	}
	host, path = hostOf(conf["remote."+conf.remote("")+".url"])
	return host, path, nil
}

// base returns the merge-base of HEAD and a ref, or "" if one of them is missing or they have no
// common ancestor.
func (r *Repo) base(ctx context.Context, head, ref string) (string, error) {
	if head == "" || ref == "" {
		return "", nil
	}
	base, err := r.MergeBase(ctx, head, ref)
	if errors.Is(err, ErrNoRevision) {
		return "", nil
	}
	return base, err
}

// defaultBranch returns the full name of the default branch.
func (r *Repo) defaultBranch(ctx context.Context, conf config, remote string) (string, error) {
	if remote != "" {
		target, err := r.symbolic(ctx, "refs/remotes/"+remote+"/HEAD")
		if err != nil || target != "" {
			return target, err
		}
	}
	for _, name := range []string{conf["init.defaultbranch"], "main", "master"} {
		for _, prefix := range []string{"refs/remotes/" + remote + "/", "refs/heads/"} {
			if name == "" || prefix == "refs/remotes//" {
				continue
			}
			_, err := r.Resolve(ctx, prefix+name)
			if err == nil {
				return prefix + name, nil
			}
			if !errors.Is(err, ErrNoRevision) {
				return "", err
			}
		}
	}
	return "", nil
}

// gitFile returns the first line of a small file in the worktree's git directory.
func (r *Repo) gitFile(name string) string {
	b, err := os.ReadFile(filepath.Join(r.gitDir, name))
	if err != nil {
		return ""
	}
	word, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return word
}

// config is the part of git's configuration that Facts reads. Sections and variables are in lower
// case, as git prints them; the last value counts.
type config map[string]string

func (r *Repo) config(ctx context.Context) (config, error) {
	out, err := r.git.output(ctx, "config", "--null", "--get-regexp", `^(branch\..*\.(remote|merge)|remote\..*\.(url|fetch)|init\.defaultbranch)$`)
	if err != nil && exitStatus(err) != 1 { // 1: nothing matches
		return nil, err
	}
	conf := make(config)
	for _, entry := range strings.Split(string(out), "\x00") {
		if key, value, ok := strings.Cut(entry, "\n"); ok {
			conf[key] = value
		}
	}
	return conf, nil
}

// remote returns the branch's remote, or origin, or the only one.
func (c config) remote(branch string) string {
	if name := c["branch."+branch+".remote"]; branch != "" && name != "" && name != "." {
		return name
	}
	var names []string
	for key := range c {
		if name, ok := strings.CutPrefix(key, "remote."); ok && strings.HasSuffix(name, ".url") {
			names = append(names, strings.TrimSuffix(name, ".url"))
		}
	}
	if slices.Contains(names, "origin") {
		return "origin"
	}
	if len(names) == 1 {
		return names[0]
	}
	return ""
}

// upstream returns the full name of the upstream of a branch, by the usual fetch mapping.
func (c config) upstream(branch string) string {
	if branch == "" {
		return ""
	}
	remote, merge := c["branch."+branch+".remote"], c["branch."+branch+".merge"]
	name, ok := strings.CutPrefix(merge, "refs/heads/")
	switch {
	case !ok || remote == "":
		return ""
	case remote == ".":
		return merge
	default:
		return "refs/remotes/" + remote + "/" + name
	}
}

// hostOf returns host and path of a remote's URL, without credentials: https://host/a/b.git,
// ssh://git@host:22/a/b, git@host:a/b.
func hostOf(remote string) (host, slug string) {
	path := ""
	if scheme, _, ok := strings.Cut(remote, "://"); ok {
		u, err := url.Parse(remote)
		if err != nil || scheme == "file" {
			return "", ""
		}
		host, path = u.Hostname(), u.Path
	} else {
		// Git reads a colon before any slash as scp's syntax.
		before, after, ok := strings.Cut(remote, ":")
		if !ok || strings.Contains(before, "/") || len(before) == 1 { // "C:\repo"
			return "", ""
		}
		host, path = before[strings.LastIndex(before, "@")+1:], after
	}
	return strings.ToLower(host), strings.TrimSuffix(strings.Trim(path, "/"), ".git")
}
