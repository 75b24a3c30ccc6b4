// Package githook knows the git hooks that regreen can run as: their names, what each may be
// configured to do, and the input that git passes.
//
// Goals: one table of names and actions; git's real arguments and standard input, read
// strictly.
//
// Non-goals: running the hooks, which is for the commands, and installing them, which is for
// package install.
package githook

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"
)

// Name is the name of a git hook.
type Name string

// The hooks that regreen can run as.
const (
	PreCommit      Name = "pre-commit"
	PreMergeCommit Name = "pre-merge-commit"
	CommitMsg      Name = "commit-msg"
	PostCommit     Name = "post-commit"
	PostMerge      Name = "post-merge"
	PostCheckout   Name = "post-checkout"
	PostRewrite    Name = "post-rewrite"
	PrePush        Name = "pre-push"
)

// Action is the configured reaction of a hook to new failures.
type Action string

// The actions.
const (
	Block      Action = "block"      // stop git
	Warn       Action = "warn"       // report, and let git continue
	Background Action = "background" // let git continue while the tests run
	Off        Action = "off"        // do not run
)

// Event is a hook that regreen can run as.
type Event struct {
	Name    Name
	Doc     string   // one line
	Default bool     // installed unless the user chooses the hooks
	Actions []Action // that the hook can be configured to take
}

// Events returns the hooks, in the order in which git runs them.
func Events() []Event {
	var (
		blocking = []Action{Block, Warn, Off}
		delayed  = []Action{Background, Off}
	)
	return []Event{
		{PreCommit, "tests what is about to be committed", true, []Action{Block, Warn, Background, Off}},
		{PreMergeCommit, "tests a merge before it is committed", true, blocking},
		{CommitMsg, "waits for the run that pre-commit started in the background", false, blocking},
		{PostCommit, "records commits that no test run covers", true, blocking},
		{PostMerge, "tests what a merge or pull brought in", true, []Action{Warn, Background, Off}},
		{PostCheckout, "tests the new branch in the background after a switch", false, delayed},
		{PostRewrite, "tests the result of a rebase or amend in the background", false, delayed},
		{PrePush, "tests what is pushed and was not tested yet", true, blocking},
	}
}

// Find returns the event of a hook.
func Find(name string) (Event, bool) {
	for _, e := range Events() {
		if string(e.Name) == name {
			return e, true
		}
	}
	return Event{}, false
}

// Names returns the names of all events.
func Names() []Name {
	var out []Name
	for _, e := range Events() {
		out = append(out, e.Name)
	}
	return out
}

// Strings returns names or actions as strings, for messages.
func Strings[T Name | Action](list []T) []string {
	out := make([]string, len(list))
	for i, word := range list {
		out[i] = string(word)
	}
	return out
}

// FrameworkPush returns the push that pre-commit and prek pass in variables. They read git's
// standard input themselves, and use its first line. Local and Remote can be any revisions; if
// the remote is empty, only the branch is set.
func FrameworkPush(getenv func(string) string) (Push, bool) {
	p := Push{
		LocalRef: getenv("PRE_COMMIT_LOCAL_BRANCH"), Local: getenv("PRE_COMMIT_TO_REF"),
		RemoteRef: getenv("PRE_COMMIT_REMOTE_BRANCH"), Remote: getenv("PRE_COMMIT_FROM_REF"),
	}
	p.Local = cmp.Or(p.Local, p.LocalRef, "HEAD")
	return p, getenv("PRE_COMMIT") == "1"
}

// Checkout is the input of post-checkout.
type Checkout struct {
	Old, New string // hashes of HEAD before and after
	Branch   bool   // HEAD moved; otherwise only files were checked out
}

// ParseCheckout reads the arguments of post-checkout. Old is empty for a new worktree.
func ParseCheckout(args []string) (Checkout, error) {
	if len(args) != 3 || args[2] != "0" && args[2] != "1" {
		return Checkout{}, fmt.Errorf("post-checkout expects the old HEAD, the new HEAD and 1 or 0, got %q", args)
	}
	c := Checkout{Old: args[0], New: args[1], Branch: args[2] == "1"}
	if zero(c.Old) {
		c.Old = ""
	}
	return c, nil
}

// Rewrite is a commit that replaced another.
type Rewrite struct{ Old, New string }

// ParseRewrites reads the input of post-rewrite: a line for each commit,
//
//	old-hash new-hash
func ParseRewrites(r io.Reader) ([]Rewrite, error) {
	var out []Rewrite
	err := lines(r, 2, func(f []string) { out = append(out, Rewrite{f[0], f[1]}) })
	return out, err
}

// zero reports whether a hash, of either length, is the one that git writes for no object.
func zero(hash string) bool { return strings.Trim(hash, "0") == "" }

// Push is one ref in the input of pre-push.
type Push struct {
	LocalRef, Local   string // what is pushed, and its hash
	RemoteRef, Remote string // where to, and its hash there
}

// Delete reports whether the push deletes the remote ref.
func (p Push) Delete() bool { return zero(p.Local) }

// New reports whether the push creates the remote ref.
func (p Push) New() bool { return zero(p.Remote) }

// ParsePushes reads the input of pre-push: a line for each ref,
//
//	local-ref local-hash remote-ref remote-hash
func ParsePushes(r io.Reader) ([]Push, error) {
	var out []Push
	err := lines(r, 4, func(f []string) { out = append(out, Push{f[0], f[1], f[2], f[3]}) })
	return out, err
}

// maxInput limits how much of a hook's standard input is read, in bytes.
const maxInput = 16 << 20

func lines(r io.Reader, fields int, do func([]string)) error {
	in := bufio.NewScanner(io.LimitReader(r, maxInput))
	in.Buffer(nil, 1<<20)
	for n := 1; in.Scan(); n++ {
		f := strings.Fields(in.Text())
		switch {
		case len(f) == 0:
		case len(f) < fields:
			return fmt.Errorf("line %d of the hook's input has %d fields, expected %d: %q", n, len(f), fields, in.Text())
		default:
			do(f)
		}
	}
	return in.Err()
}
