package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/backoff"
	"github.com/regreen-ci/regreen/internal/deliver"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// A comment `/regreen apply ID`, `/regreen retry` or `/regreen explain` on a pull request
// is a command of whoever may write to the repository. Nothing of the pull request is
// checked out or run for it: the patch comes from the artifact of the run that proposed it,
// and is bound to what the report on the pull request shows, by the head it is for and by
// its own text.

// refusal is why a command is not followed, as Markdown for the person who gave it.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// The reactions by which a comment is answered.
const (
	seen    = "eyes"
	done    = "rocket"
	refused = "confused"
	denied  = "-1"
)

const howTo = "`/regreen apply ID` commits a proposed patch, `/regreen retry` has the tests run and a patch searched once more, `/regreen explain` tells why."

// command follows the command that a comment gives, and answers it.
func (s *step) command(ctx context.Context) (int, error) {
	e := s.event
	given, ok := readOrder(e.Comment.Body)
	switch {
	case !ok:
		return s.nothing("the comment is no command: its first line does not begin with /regreen")
	case e.Issue.PullRequest == nil:
		return s.nothing("the comment is on an issue, and commands are for pull requests")
	case e.Action != "created":
		return s.nothing("only new comments are commands")
	case e.Comment.User.Type == "Bot":
		return s.nothing("comments of bots are no commands")
	}
	g, err := s.github()
	if err != nil {
		return 0, err
	}
	who := e.Comment.User.Login
	var may bool
	err = patiently(ctx, func() (err error) {
		may, err = g.MayWrite(ctx, who)
		return err
	})
	if err != nil {
		return 0, err
	}
	if !may {
		s.react(ctx, g, denied)
		return s.nothing(fmt.Sprintf("%s may not write to this repository, so the command is not followed", who))
	}
	s.react(ctx, g, seen)
	var text string
	err = patiently(ctx, func() (err error) {
		text, err = s.follow(ctx, g, given)
		return err
	})
	reaction := done
	var no *refusal
	switch {
	case errors.As(err, &no):
		text, reaction = no.text, refused
	case err != nil:
		s.react(ctx, g, refused)
		return 0, errors.Join(err, s.reply(ctx, g, fmt.Sprintf("That did not work: %s", report.Prose(report.Brief(usererr.OneLine(err))))))
	}
	if text != "" {
		if err := s.reply(ctx, g, text); err != nil {
			return 0, err
		}
	}
	s.react(ctx, g, reaction)
	return s.nothing(fmt.Sprintf("/regreen %s: %s", given.verb, map[string]string{done: "done", refused: "not done, the answer says why"}[reaction]))
}

// follow does what is asked, and gives the answer as Markdown, "" for none.
func (s *step) follow(ctx context.Context, g *forge.GitHub, o order) (string, error) {
	if !slices.Contains([]string{"apply", "retry", "explain"}, o.verb) {
		return "", refuse("%s", howTo)
	}
	pull, err := g.Pull(ctx, s.event.Issue.Number)
	if err != nil {
		return "", err
	}
	told, err := latest(ctx, g, pull.Number, o.id)
	if err != nil {
		return "", err
	}
	switch o.verb {
	case "retry":
		return s.retry(ctx, g, pull, told)
	case "explain":
		rep, err := s.reported(ctx, g, told)
		if err != nil {
			return "", err
		}
		return report.Explain(rep, forge.CommentSize-1), nil
	}
	return s.apply(ctx, g, pull, told, o.id)
}

// latest is the newest report on a pull request that tells its run: of several the one that
// shows the patch, where one is named.
func latest(ctx context.Context, g *forge.GitHub, pull int, id string) (deliver.Posted, error) {
	reports, err := deliver.Reports(ctx, g, pull)
	if err != nil {
		return deliver.Posted{}, err
	}
	reports = slices.DeleteFunc(reports, func(t deliver.Posted) bool { return !t.HasRun })
	if len(reports) == 0 {
		return deliver.Posted{}, refuse("There is no report of regreen on this pull request yet.")
	}
	name, _, _ := strings.Cut(id, "@")
	if i := slices.IndexFunc(reports, func(t deliver.Posted) bool { return name != "" && strings.Contains(t.Comment.Body, name+"@") }); i >= 0 {
		return reports[i], nil
	}
	return reports[0], nil
}

// stale refuses what was told of another commit than the pull request's last one.
func stale(pull forge.Pull, told deliver.Posted) error {
	switch {
	case !pull.Open:
		return refuse("The pull request is not open any more.")
	case told.Run.Head != pull.Head:
		return refuse("The pull request has gone on since: the report is about %s, and its last commit is %s. The next report is about that.",
			report.Code(short(told.Run.Head)), report.Code(short(pull.Head)))
	}
	return nil
}

// retry starts the run again that the report is of. In its new attempt, what was tried
// before is tried once more.
func (s *step) retry(ctx context.Context, g *forge.GitHub, pull forge.Pull, told deliver.Posted) (string, error) {
	if err := stale(pull, told); err != nil {
		return "", err
	}
	run, err := g.Run(ctx, told.Run.Run)
	if err != nil {
		return "", err
	}
	if awaits(run.Status, run.Conclusion) {
		return "", refuse("[The run](%s) waits for somebody's approval: that is not regreen's to give.", run.URL)
	}
	if run.Status != "completed" {
		return "", refuse("[The run](%s) is still going on.", run.URL)
	}
	return "", g.Rerun(ctx, run.ID)
}

// awaits tells whether a run waits for a person's approval.
func awaits(status, conclusion string) bool {
	return conclusion == "action_required" || slices.Contains([]string{"waiting", "pending", "requested"}, status)
}

// apply commits a proposed patch to the branch of the pull request.
func (s *step) apply(ctx context.Context, g *forge.GitHub, pull forge.Pull, told deliver.Posted, id string) (string, error) {
	if err := stale(pull, told); err != nil {
		return "", err
	}
	if id == "" {
		return "", refuse("Which patch? The report says what to type: `/regreen apply ID`.")
	}
	rep, err := s.reported(ctx, g, told)
	if err != nil {
		return "", err
	}
	p, err := shown(rep, told, pull.Head, id)
	if err != nil {
		return "", err
	}
	if pull.Fork {
		return "", refuse("The branch of this pull request is in %s, where this workflow may not push. The report says how to apply the patch by hand.", report.Code(pull.HeadRepository))
	}
	files, err := deliver.Patched(ctx, g, pull.Head, []*report.Patch{p}, editable)
	if passing := (*forge.TransientError)(nil); errors.As(err, &passing) || ctx.Err() != nil {
		return "", err
	}
	if err != nil {
		return "", refuse("The patch cannot be applied: %s.", report.Prose(usererr.OneLine(err)))
	}
	sha, err := g.Commit(ctx, forge.Commit{Branch: pull.HeadRef, Parent: pull.Head, Message: message(p, s.event.Comment.User.Login), Files: files})
	switch {
	case errors.Is(err, forge.ErrProtected):
		return "", refuse("%s is protected, and regreen pushes to no protected branch. The report says how to apply the patch by hand.", report.Code(pull.HeadRef))
	case errors.Is(err, forge.ErrMoved):
		return "", refuse("The pull request went on meanwhile. The next report is about that.")
	case err != nil:
		return "", err
	}
	s.learnKept(ctx, rep, p)
	text := fmt.Sprintf("Committed %s as %s.", report.Code(p.ID), sha)
	if login, err := g.Login(ctx); err != nil || login == forge.ActionsBot {
		text += " The workflow's own token has pushed it, and what that pushes starts no workflow: close and open the pull request to have it tested, or give regreen an App's token."
	}
	return text, nil
}

// shown is the patch of an ID that the report on the pull request shows for its very head,
// as the artifact has it. An ID with a hash must have that one; without, the comment must
// show it.
func shown(rep *report.Report, told deliver.Posted, head, id string) (*report.Patch, error) {
	name, _, bound := strings.Cut(id, "@")
	for i := range rep.Patches {
		p := &rep.Patches[i]
		if p.ID != name {
			continue
		}
		want := deliver.Bound(head, p)
		switch {
		case bound && id != want, !strings.Contains(told.Comment.Body, want):
			return nil, refuse("The patch %s is not the one that the report shows for this commit.", report.Code(name))
		case p.State != report.PatchVerified:
			return nil, refuse("The patch %s is not verified, so it is not for regreen to commit.", report.Code(name))
		case p.Redacted:
			return nil, refuse("The diff of %s held a secret that was taken out, so it does not apply any more.", report.Code(name))
		}
		return p, nil
	}
	return nil, refuse("The report shows no patch %s.", report.Code(name))
}

// message is that of the commit of a patch.
func message(p *report.Patch, who string) string {
	title := cmp.Or(deliver.PlainWords(p.Title, 60), "a fix for tests that fail")
	return fmt.Sprintf("regreen: %s\n\nPatch %s, verified, %s, by %s.\nCommitted on the request of %s.\n",
		title, p.ID, p.Experience(), deliver.PlainWords(p.Strategy, 60), who)
}

var hash = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

func short(sha string) string {
	if hash.MatchString(sha) {
		return sha[:12]
	}
	return sha
}

// reported is the whole report that a comment is of, from the artifact of its run.
func (s *step) reported(ctx context.Context, g *forge.GitHub, told deliver.Posted) (*report.Report, error) {
	if told.Run.Artifact < 1 {
		return nil, refuse("The run has left no artifact, which would have the patches.")
	}
	rep, err := s.download(ctx, g, told.Run.Artifact)
	switch {
	case errors.Is(err, errNoArtifact):
		return nil, refuse("The run's artifact, which has the patches, is not there any more: `/regreen retry` makes a new one.")
	case err != nil:
		return nil, err
	case rep.ID != told.Run.Report:
		return nil, refuse("The artifact of the run is of another report than the one on this pull request. `/regreen retry` makes both anew.")
	}
	return rep, nil
}

// reply answers the comment.
func (s *step) reply(ctx context.Context, g *forge.GitHub, text string) error {
	return patiently(ctx, func() error {
		_, err := g.Reply(ctx, s.event.Issue.Number, text+"\n")
		return err
	})
}

// patiently does something again, after a while, when it failed for what may pass. Nothing
// that a command does can be done twice by that: a commit is refused on a branch that moved.
func patiently(ctx context.Context, do func() error) error {
	const tries, longest = 4, time.Minute
	for try := 1; ; try++ {
		err := do()
		var passing *forge.TransientError
		if !errors.As(err, &passing) || try == tries || passing.After > longest {
			return err
		}
		if err := backoff.Sleep(ctx, max(passing.After, time.Second<<try)); err != nil {
			return err
		}
	}
}

// react puts a reaction on the comment. That it may not is no reason to stop.
func (s *step) react(ctx context.Context, g *forge.GitHub, content string) {
	err := patiently(ctx, func() error { return g.React(ctx, s.event.Comment.ID, content) })
	if err != nil && ctx.Err() == nil {
		s.action.Infof("regreen: %s", line(usererr.OneLine(err)))
	}
}

// errNoArtifact is given where a run left no report, or where it is gone.
var errNoArtifact = errors.New("no report from the run")

// newest is the artifact of a name that the last attempt of a run has left: each attempt
// leaves one.
func newest(ctx context.Context, g *forge.GitHub, run int64, name string) (int64, error) {
	all, err := g.RunArtifacts(ctx, run)
	if err != nil {
		return 0, err
	}
	all = slices.DeleteFunc(all, func(a forge.Artifact) bool { return a.Name != name })
	if len(all) == 0 {
		return 0, errNoArtifact
	}
	last := slices.MaxFunc(all, func(a, b forge.Artifact) int { return cmp.Compare(a.ID, b.ID) })
	if last.Expired {
		return 0, errNoArtifact
	}
	return last.ID, nil
}

// download reads the report in an artifact, as a stranger's.
func (s *step) download(ctx context.Context, g *forge.GitHub, artifact int64) (*report.Report, error) {
	dir, err := os.MkdirTemp("", "regreen-artifact-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	zip, err := os.Create(filepath.Join(dir, "artifact.zip"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = zip.Close() }()
	err = g.DownloadArtifact(ctx, artifact, zip, artifactLimits.Total)
	if errors.Is(err, forge.ErrNotFound) && !errors.Is(err, forge.ErrDenied) {
		err = errNoArtifact
	}
	if err != nil {
		return nil, err
	}
	return unpacked(zip, filepath.Join(dir, "files"))
}
