package detect

import (
	"fmt"
	"path"
	"strings"
)

// protection is the reason why a branch is protected. The zero value means that it is not.
type protection struct {
	why        string
	configured bool // by the user's own configuration
}

// protect returns the strongest reason why the branch is protected. A branch of a fork never is:
// the fork's main is not the main of this repository.
func protect(env Environment, ci build, patterns []string) protection {
	if env.Fork {
		return protection{}
	}
	for _, pattern := range patterns {
		if matchBranch(pattern, env.Branch) {
			return protection{fmt.Sprintf("branch %q is protected: the configuration lists %q", env.Branch, pattern), true}
		}
	}
	if ci.protected != "" {
		return protection{why: ci.protected}
	}
	if env.Branch == "" {
		return protection{}
	}
	if env.Branch == env.DefaultBranch {
		return protection{why: fmt.Sprintf("branch %q is protected: it is the default branch", env.Branch)}
	}
	for _, pattern := range []string{"main", "master", "release*", "release*/**"} {
		if matchBranch(pattern, env.Branch) {
			return protection{why: fmt.Sprintf("branch %q is protected by its name", env.Branch)}
		}
	}
	return protection{}
}

// matchBranch matches like path.Match, where * does not match a slash. A final /** matches one or
// more further parts, and ** alone every branch. A malformed pattern matches nothing.
func matchBranch(pattern, branch string) bool {
	if branch == "" {
		return false
	}
	if pattern == "**" {
		return true
	}
	if stem, ok := strings.CutSuffix(pattern, "/**"); ok {
		parts := strings.Split(branch, "/")
		depth := strings.Count(stem, "/") + 1
		if len(parts) <= depth {
			return false
		}
		pattern, branch = stem, strings.Join(parts[:depth], "/")
	}
	ok, err := path.Match(pattern, branch)
	return ok && err == nil
}
