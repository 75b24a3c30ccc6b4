package deliver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// A fix is applied as a suggestion that a click commits, or else by a command in a comment, or else
// by a shell command that takes the patch from the run's artifact. For each verified patch, a
// report gives the best of these that is possible, and says why a better one is not.

// Landing says in which ways a patch can be applied.
type Landing struct {
	Suggestions bool   // the channel is on as well
	Commands    bool   // the repository answers comments that begin with /regreen
	Fork        bool   // the pull request comes from another repository, to which no token of this one can push
	Run         int64  // that reports; 0 if unknown
	Artifact    int64  // ID of the artifact that the run uploaded; 0 if none exists
	Repository  string // in gh's form: OWNER/NAME, after HOST/ unless that is github.com
}

// Bound returns a name for a patch and for what it was verified on: ID@HASH, where HASH is the
// beginning of a hash of the pull request's head commit and the diff. A command with this name
// can never mean another patch or another commit.
func Bound(head string, p *report.Patch) string {
	sum := sha256.Sum256([]byte(head + "\n" + p.Diff))
	return p.ID + "@" + hex.EncodeToString(sum[:])[:20]
}

// RunMark is the part of a report's comment that programs read.
type RunMark struct {
	Run      int64  `json:"run"`      // that posted it
	Artifact int64  `json:"artifact"` // ID of the artifact with its patches; 0 if none exists
	Head     string `json:"head"`     // the pull request's commit that was tested
	Report   string `json:"report"`   // ID
}

const (
	runMark    = "<!-- regreen:run "
	markEnd    = " -->"
	anyReport  = "<!-- regreen:report"
	saveDiff   = "Save the diff as a file and apply it with `regreen apply --patch FILE`, or with `git apply`."
	actionDocs = "https://github.com/regreen-ci/regreen/blob/main/docs/action.md"
)

// String returns the mark as an invisible line, which nothing in the mark can end early.
func (m RunMark) String() string {
	b, err := json.Marshal(m) // it escapes angle brackets
	if err != nil {
		return ""
	}
	return runMark + strings.ReplaceAll(string(b), "-", `\u002d`) + markEnd
}

// ReadRun finds the mark in a comment. Trust it as much as the author of the comment.
func ReadRun(comment string) (RunMark, bool) {
	for line := range strings.Lines(comment) {
		text, begins := strings.CutPrefix(strings.TrimRight(line, "\r\n"), runMark)
		text, ends := strings.CutSuffix(text, markEnd)
		if !begins || !ends {
			continue
		}
		var m RunMark
		if err := json.Unmarshal([]byte(text), &m); err != nil || m.Run < 1 {
			return RunMark{}, false
		}
		return m, true
	}
	return RunMark{}, false
}

// Posted is a report on a pull request.
type Posted struct {
	Comment forge.Comment
	Run     RunMark
	HasRun  bool
}

// Reports returns the reports that the owner of the token posted on a pull request, with any
// key, the newest first.
func Reports(ctx context.Context, g *forge.GitHub, pull int) ([]Posted, error) {
	comments, err := g.Mine(ctx, pull, anyReport)
	if err != nil {
		return nil, err
	}
	var all []Posted
	for _, c := range slices.Backward(comments) {
		m, ok := ReadRun(c.Body)
		all = append(all, Posted{c, m, ok})
	}
	return all, nil
}

var (
	plainIDs     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`) }) // what patchName leaves as it is
	repositories = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^([a-z0-9][a-z0-9.-]*(:[0-9]+)?/)?[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+$`)
	})
)

// command returns the comment that makes regreen commit a patch from the artifact, or "".
func (l Landing) command(head string, p *report.Patch) string {
	if !l.Commands || l.Fork || l.Run < 1 || l.Artifact < 1 || p.Redacted || head == "" || !plainIDs().MatchString(p.ID) {
		return ""
	}
	return "/regreen apply " + Bound(head, p)
}

// download returns a shell command that applies a patch from the artifact, or "". Nothing inserted
// into it has characters that a shell interprets. The artifact is named by its ID, since each
// attempt of a run uploads one of the same name.
func (l Landing) download(p *report.Patch) string {
	if l.Artifact < 1 || p.Redacted || !plainIDs().MatchString(p.ID) || !repositories().MatchString(l.Repository) {
		return ""
	}
	host, repository := "", l.Repository
	if parts := strings.SplitN(repository, "/", 3); len(parts) == 3 {
		host, repository = "--hostname "+parts[0]+" ", parts[1]+"/"+parts[2]
	}
	return fmt.Sprintf(`d="$(mktemp -d)" && gh api %srepos/%s/actions/artifacts/%d/zip >"$d/a.zip" && unzip -q "$d/a.zip" -d "$d" && git apply "$d/%s/%s.patch"`,
		host, repository, l.Artifact, patches, p.ID)
}

// offers is the outcome of suggesting the patches of a report.
type offers struct {
	files   string         // the address of the pull request's files; "" if unknown
	places  map[string]int // how many suggestions each patch has, by its ID
	refused map[string]error
	failed  string // why there are no suggestions
}

// why returns why a patch is not suggested.
func (o *offers) why(p *report.Patch) string {
	if err := o.refused[p.ID]; err != nil {
		return usererr.OneLine(err)
	}
	return cmp.Or(o.failed, "another patch for the same cause is suggested")
}

// instructions returns a function that says how to apply a patch. Head is the commit that the
// patch was verified on, or "" if there is no pull request; made is nil if no suggestions were
// attempted.
func (l Landing) instructions(head string, made *offers) func(*report.Patch) string {
	return func(p *report.Patch) string {
		command := l.command(head, p)
		var missed []string // why the better ways are not possible
		switch {
		case made != nil && made.places[p.ID] > 0:
			return suggestedText(made.places[p.ID], made.files, command)
		case made != nil:
			missed = append(missed, "Not a suggestion: "+report.Prose(made.why(p))+".")
		case head != "":
			missed = append(missed, "Not a suggestion: that channel is off.")
		}
		switch {
		case command != "":
			return sentences(missed, "To commit it, comment "+report.Code(command)+".")
		case head == "" || p.Redacted:
		case l.Fork:
			missed = append(missed, "No comment can commit it: tokens of this repository cannot push to the fork.")
		case l.Artifact < 1:
			missed = append(missed, "`/regreen apply` is not available: the run uploaded no artifact with the patch.")
		case !l.Commands:
			missed = append(missed, "`/regreen apply` is not set up here (see [docs/action.md]("+actionDocs+")).")
		}
		if line := l.download(p); line != "" {
			block, _ := report.Fence("sh", []string{line})
			return sentences(missed, "To apply it, run this at the top of the repository:") + "\n" + block
		}
		if p.Redacted {
			return sentences(missed)
		}
		return sentences(missed, saveDiff)
	}
}

func sentences(some []string, more ...string) string {
	return strings.Join(append(some, more...), " ") + "\n"
}

func suggestedText(places int, files, command string) string {
	tab := "*Files changed*"
	if files != "" {
		tab = "[" + tab + "](" + files + ")"
	}
	if places == 1 {
		return "Commit the suggestion, below or in " + tab + ".\n"
	}
	text := fmt.Sprintf("Commit its %d suggestions in %s as one batch: they were only tested together.", places, tab)
	if command != "" {
		text += " Or comment " + report.Code(command) + " to commit all of them."
	}
	return text + "\n"
}
