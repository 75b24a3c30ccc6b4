package detect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/githook"
)

// Base is a revision to compare with. It may be the tip of a branch that has moved on, so callers
// use its merge-base with HEAD, which for an ancestor is the ancestor itself.
type Base struct {
	Rev string `json:"rev"` // anything that git rev-parse accepts
	Why string `json:"why"`
}

// BaseSet is the reason of a base that the user chose.
const BaseSet = "set by --base or the configuration"

// bases returns the revisions to compare the change with, the best first. If none exist, why
// is the reason.
func bases(in Input, env Environment, ci build) (list []Base, why string) {
	if in.BaseFlag != "" {
		return []Base{{in.BaseFlag, BaseSet}}, ""
	}
	head := in.Git.Head
	if head == "" {
		return nil, "no commits yet"
	}
	add := func(rev, why string) {
		known := slices.ContainsFunc(list, func(b Base) bool { return b.Rev == rev })
		if rev != "" && !known {
			list = append(list, Base{rev, why})
		}
	}
	parent := head + "~1"

	switch in.Hook {
	case githook.PreCommit, githook.PreMergeCommit, githook.CommitMsg:
		add(head, "HEAD, the parent of the new commit")
		return list, ""
	case githook.PostCommit:
		add(parent, "the parent of the new commit")
		return list, ""
	case githook.PostMerge:
		if squashed := arg(in.HookArgs, 0) == "1"; squashed {
			add(head, "HEAD, which a squash merge does not move")
			return list, ""
		}
		if in.Git.OrigHead != head {
			add(in.Git.OrigHead, "ORIG_HEAD, where the branch was before the merge")
		}
		add(parent, "the first parent of the merge")
		return list, ""
	case githook.PostCheckout:
		if files := arg(in.HookArgs, 2) == "0"; files {
			add(head, "HEAD, because only files were checked out")
			return list, ""
		}
		if old := sha(arg(in.HookArgs, 0)); old != head {
			add(old, "where HEAD was before the checkout")
		}
	case githook.PostRewrite:
		if arg(in.HookArgs, 0) == "amend" {
			add(parent, "the parent of the amended commit")
			return list, ""
		}
	case githook.PrePush:
		if in.Git.UpstreamBase != head {
			add(in.Git.UpstreamBase, fmt.Sprintf("what is already on %s", in.Git.Upstream))
		}
	case "":
		if in.Git.MergeInProgress {
			add(head, "HEAD, with a merge in progress")
		}
		for _, b := range ci.bases {
			if b.Rev != head {
				add(b.Rev, b.Why)
			}
		}
	}

	for _, b := range branchBases(in.Git, env) {
		add(b.Rev, b.Why)
	}
	switch {
	case env.Event == Manual && len(list) == 0:
		add(head, "HEAD, because the branch has no commits of its own")
	case env.Event != Manual:
		add(parent, "the parent of HEAD")
	}
	return list, ""
}

// branchBases returns the commits where the branch forked off from others, or none if HEAD has no
// commits of its own.
//
// If the upstream is only the branch's own copy on the remote, it shows what was pushed, not
// where the work began. Then the default branch comes first.
func branchBases(git Git, env Environment) (list []Base) {
	upstream := Base{git.UpstreamBase, fmt.Sprintf("the merge-base with the upstream, %s", git.Upstream)}
	main := Base{git.DefaultBase, fmt.Sprintf("the merge-base with the default branch, %s", git.DefaultBranch)}
	if git.DefaultBranch != env.DefaultBranch || main.Rev == "" {
		main = Base{} // git's default branch is unknown, or not the one that CI names
		if env.DefaultBranch != "" && env.DefaultBranch != env.Branch && env.Provider != "" {
			main = Base{"origin/" + env.DefaultBranch, fmt.Sprintf("the default branch, %s", env.DefaultBranch)}
		}
	}
	list = []Base{upstream, main}
	if git.Branch != "" && git.Branch != env.DefaultBranch && strings.HasSuffix(git.Upstream, "/"+git.Branch) {
		list = []Base{main, upstream}
	}
	return slices.DeleteFunc(list, func(b Base) bool { return b.Rev == "" || b.Rev == git.Head })
}

// arg returns the i-th argument, or "".
func arg(args []string, i int) string {
	if i < len(args) {
		return args[i]
	}
	return ""
}
