// Package detect finds out where regreen runs and what follows from that: the event, the CI
// provider, the branch, the base revision, whether the code comes from a fork, whether the
// branch is protected, and the mode with its reasons.
//
// Goals: one pure function, Detect, over the environment, the event's payload and the facts
// that git reports; users need not set anything; each conclusion says why; input from outside
// (branch names, payloads) is checked before it is used.
//
// Non-goals: running commands, reading files and resolving revisions. The caller gathers the
// facts and tries the bases.
package detect

import (
	"fmt"

	"github.com/regreen-ci/regreen/internal/githook"
)

// Git holds the facts about the repository. A revision is a full object name, or empty if it
// does not exist.
type Git struct {
	Root            string // top of the working tree
	Branch          string // short name; empty when HEAD is detached
	Head            string // empty if there is no commit yet
	Upstream        string // short name of the branch's upstream, such as origin/main
	UpstreamBase    string // merge-base of HEAD and Upstream
	DefaultBranch   string // short name without the remote, such as main
	DefaultBase     string // merge-base of HEAD and the default branch
	OrigHead        string // ORIG_HEAD
	RemoteURL       string // of the remote that Upstream is on, or of origin
	MergeInProgress bool
	Rebasing        bool
	CherryPicking   bool
	Bisecting       bool
	Shallow         bool
}

// Input is everything that Detect looks at.
type Input struct {
	Getenv       func(string) string // nil for an empty environment
	Hook         githook.Name        // empty outside a hook
	HookArgs     []string            // from git
	Git          Git
	EventPayload []byte   // the file that GITHUB_EVENT_PATH names, if any; not trusted
	Terminal     bool     // someone may be watching
	BaseFlag     string   // from a flag or the configuration
	Protected    []string // globs of branches, from the configuration; see matchBranch
}

// Mode is the kind of place that regreen runs in. It decides the defaults.
type Mode string

// The modes.
const (
	Development Mode = "development" // a developer's machine
	Production  Mode = "production"  // CI
)

// Manual is the event of a command that a user typed. Other events are the name of the hook or,
// in CI, push, pull_request, schedule, api, trigger and workflow_dispatch, or any other value of
// GITHUB_EVENT_NAME.
const Manual = "manual"

// Environment describes where regreen runs, with reasons.
type Environment struct {
	Event         string   `json:"event"`
	Provider      string   `json:"provider,omitempty"` // see the constants; empty outside CI
	Host          string   `json:"host,omitempty"`     // where the repository is hosted, such as github.com
	Branch        string   `json:"branch,omitempty"`   // short name; from CI's variables if HEAD is detached
	DefaultBranch string   `json:"default_branch,omitempty"`
	Head          string   `json:"head,omitempty"` // the commit that HEAD names
	Base          string   `json:"base,omitempty"` // the first of Bases; empty if none exists
	BaseWhy       string   `json:"base_why"`
	Bases         []Base   `json:"bases,omitempty"` // in the order to try them; some do not resolve in a shallow clone
	PullRequest   int      `json:"pull_request,omitempty"`
	Fork          bool     `json:"fork,omitempty"`       // the code comes from another repository, or may do so
	Restricted    bool     `json:"restricted,omitempty"` // treat it as without write access: the event of a fork or a bot
	Protected     bool     `json:"protected,omitempty"`  // the branch needs care
	Detached      bool     `json:"detached,omitempty"`
	Shallow       bool     `json:"shallow,omitempty"`
	Mode          Mode     `json:"mode"`
	Reasons       []string `json:"reasons"`            // for humans, never empty; those of the mode first
	Underway      string   `json:"underway,omitempty"` // rebase, cherry-pick or bisect
	Hold          string   `json:"hold,omitempty"`     // why patches are applied here only on request
}

// Detect draws the conclusions. It is pure and accepts any input.
func Detect(in Input) Environment {
	vars := vars{in.Getenv}
	ci := readBuild(vars, in.EventPayload)
	env := Environment{
		Event:         event(in.Hook, ci),
		Provider:      ci.provider,
		Host:          ci.host,
		Branch:        in.Git.Branch,
		DefaultBranch: ci.defaultBranch, // CI knows it; git may only guess
		Head:          in.Git.Head,
		PullRequest:   ci.pullRequest,
		Fork:          ci.fork != "",
		Restricted:    ci.fork != "" || ci.bot != "",
		Detached:      in.Git.Branch == "" && in.Git.Head != "",
		Shallow:       in.Git.Shallow,
	}
	if env.Host == "" {
		env.Host, _ = splitRemote(in.Git.RemoteURL)
	}
	if env.Branch == "" {
		env.Branch = ci.branch
	}
	if env.DefaultBranch == "" {
		env.DefaultBranch = in.Git.DefaultBranch
	}
	protection := protect(env, ci, in.Protected)
	env.Protected = protection.why != ""
	env.Mode, env.Reasons = mode(in, ci)
	env.Reasons = append(env.Reasons, remarks(env, ci, protection)...)
	env.Bases, env.BaseWhy = bases(in, env, ci)
	if len(env.Bases) > 0 {
		env.Base, env.BaseWhy = env.Bases[0].Rev, env.Bases[0].Why
	}
	env.Underway = underway(in.Git)
	env.Hold = hold(vars, env, protection)
	return env
}

// event returns what made regreen run. A hook takes precedence over the CI job in which someone
// commits.
func event(hook githook.Name, ci build) string {
	switch {
	case hook != "":
		return string(hook)
	case ci.event != "":
		return ci.event
	case ci.provider != "":
		return "push"
	}
	return Manual
}

// mode distinguishes a developer's machine from CI. A protected branch on a developer's machine
// is still development: protection is for the shared branch, which no hook before the push
// touches.
func mode(in Input, ci build) (Mode, []string) {
	if ci.provider != "" {
		return Production, []string{ci.why}
	}
	reasons := []string{"no CI variable is set"}
	if in.Hook != "" {
		reasons = append(reasons, fmt.Sprintf("git runs the %s hook", in.Hook))
	}
	if in.Terminal {
		reasons = append(reasons, "a terminal is attached")
	}
	return Development, reasons
}

// remarks returns the reasons for all but the mode.
func remarks(env Environment, ci build, p protection) []string {
	var list []string
	if ci.provider != "" {
		list = append(list, "the event is "+env.Event)
	}
	if ci.deploy != "" {
		list = append(list, fmt.Sprintf("the job deploys to %q", ci.deploy))
	}
	if p.why != "" {
		list = append(list, p.why)
	}
	for _, why := range []string{ci.fork, ci.bot} {
		if why != "" {
			list = append(list, why)
		}
	}
	return append(list, ci.remarks...)
}

// underway returns the operation that moves HEAD step by step. A merge is not one of them: it
// ends with a commit like any other.
func underway(git Git) string {
	switch {
	case git.Rebasing:
		return "rebase"
	case git.CherryPicking:
		return "cherry-pick"
	case git.Bisecting:
		return "bisect"
	}
	return ""
}

// hold returns why regreen does not change files here unless --apply says so.
func hold(vars vars, env Environment, p protection) string {
	switch {
	case env.Underway != "":
		return fmt.Sprintf("a %s is in progress", env.Underway)
	case vars.is("PRE_COMMIT"):
		return "pre-commit stashed your unstaged changes and treats edits as failures"
	case env.Restricted:
		return "the code comes from an untrusted source"
	case p.configured:
		return "the configuration protects this branch"
	}
	return ""
}
