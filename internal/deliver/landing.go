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

// How a fix lands: as a suggestion that a click commits, else by a command in a comment,
// else by a line for a shell that takes the patch from the run's artifact. A report says
// of each verified patch the best of these that is possible, and why a better one is not.

// Landing says by which ways a patch can get to where it belongs.
type Landing struct {
	Suggestions bool   // the channel is on too
	Commands    bool   // the repository answers comments that begin with /regreen
	Fork        bool   // the pull request comes from another repository, to which no token of this one can push
	Run         int64  // that tells the report; 0 where there is none
	Artifact    int64  // ID of the artifact that it has left; 0 for none
	Repository  string // as gh takes it: OWNER/NAME, after HOST/ where that is not github.com
}

// Bound names a patch and what it was verified on: ID@HASH, where HASH is the beginning
// of a hash of the pull request's own last commit and the diff. A command that names it
// so cannot come to mean another patch, or another commit.
func Bound(head string, p *report.Patch) string {
	sum := sha256.Sum256([]byte(head + "\n" + p.Diff))
	return p.ID + "@" + hex.EncodeToString(sum[:])[:20]
}

// RunMark is what the comment of a report tells programs.
type RunMark struct {
	Run      int64  `json:"run"`      // that made it
	Artifact int64  `json:"artifact"` // ID of the artifact with its patches; 0 for none
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

// String is the mark as a line that is not seen. Nothing in it can end it.
func (m RunMark) String() string {
	b, err := json.Marshal(m) // which has no angle bracket in it
	if err != nil {
		return ""
	}
	return runMark + strings.ReplaceAll(string(b), "-", `\u002d`) + markEnd
}

// ReadRun finds the mark in a comment. It is to be trusted as far as who wrote that.
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

// Told is a report on a pull request.
type Told struct {
	Comment forge.Comment
	Run     RunMark
	HasRun  bool
}

// Reports are what the owner of the token told on a pull request, whatever the key, the
// newest first.
func Reports(ctx context.Context, g *forge.GitHub, pull int) ([]Told, error) {
	comments, err := g.Mine(ctx, pull, anyReport)
	if err != nil {
		return nil, err
	}
	var all []Told
	for _, c := range slices.Backward(comments) {
		m, ok := ReadRun(c.Body)
		all = append(all, Told{c, m, ok})
	}
	return all, nil
}

var (
	plainIDs     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`) }) // of which a patch's file has its name, see patchName
	repositories = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^([a-z0-9][a-z0-9.-]*(:[0-9]+)?/)?[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+$`)
	})
)

// command is the comment that has a patch committed, or "". The patch is taken from the
// artifact.
func (l Landing) command(head string, p *report.Patch) string {
	if !l.Commands || l.Fork || l.Run < 1 || l.Artifact < 1 || p.Redacted || head == "" || !plainIDs().MatchString(p.ID) {
		return ""
	}
	return "/regreen apply " + Bound(head, p)
}

// download is a line for a shell that takes a patch out of the artifact, or "". All that
// is in it is of letters that a shell makes nothing of. The artifact goes by its ID: each
// attempt of a run leaves one of the same name.
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

// offers is what became of the suggestions of a report.
type offers struct {
	files   string         // the address of the pull request's files, "" for not known
	places  map[string]int // of what is suggested, by the patch's ID
	refused map[string]error
	failed  string // why none of them is there
}

// why tells why a patch is not suggested.
func (o *offers) why(p *report.Patch) string {
	if err := o.refused[p.ID]; err != nil {
		return usererr.OneLine(err)
	}
	return cmp.Or(o.failed, "another patch for the same cause is")
}

// ways is how a report tells what to do with a patch. head is the commit that it was
// verified on, or "" where there is no pull request, and o is nil where no suggestions
// are made.
func (l Landing) ways(head string, o *offers) func(*report.Patch) string {
	return func(p *report.Patch) string {
		command := l.command(head, p)
		var missed []string // why a better way is not possible
		switch {
		case o != nil && o.places[p.ID] > 0:
			return suggestedText(o.places[p.ID], o.files, command)
		case o != nil:
			missed = append(missed, "Not a suggestion: "+report.Prose(o.why(p))+".")
		case head != "":
			missed = append(missed, "Not a suggestion: those are not on here.")
		}
		switch {
		case command != "":
			return sentences(missed, "Comment "+report.Code(command)+" and it is committed.")
		case head == "" || p.Redacted:
		case l.Fork:
			missed = append(missed, "A comment cannot have it committed: no token of this repository can push to the fork.")
		case l.Artifact < 1:
			missed = append(missed, "`/regreen apply` is not offered: the run has left no artifact that it could take the patch from.")
		case !l.Commands:
			missed = append(missed, "`/regreen apply` is not set up here (see [docs/action.md]("+actionDocs+")).")
		}
		if line := l.download(p); line != "" {
			block, _ := report.Fence("sh", []string{line})
			return sentences(missed, "At the top of the repository, this applies it:") + "\n" + block
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
	text := fmt.Sprintf("Commit its %d suggestions in %s as one batch: only together they were tested.", places, tab)
	if command != "" {
		text += " Or comment " + report.Code(command) + " and all of it is committed."
	}
	return text + "\n"
}
