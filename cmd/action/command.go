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

// A comment `/regreen apply ID`, `/regreen retry` or `/regreen explain` on a pull request is a
// command, if its author may write to the repository. A command does not check out or run
// anything of the pull request: the patch comes from the artifact of the run that proposed it.
// It must be the patch that the report on the pull request shows, for the same head and with the
// same text.

// refusal is why a command is refused, as Markdown for its author.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// The reactions to a comment.
const (
	seen    = "eyes"
	done    = "rocket"
	refused = "confused"
	denied  = "-1"
)

const howTo = "`/regreen apply ID` commits a proposed patch, `/regreen retry` runs the tests and searches again, `/regreen explain` shows how regreen got there."

// command runs the command in a comment, and replies.
func (s *step) command(ctx context.Context) (int, error) {
	e := s.event
	given, ok := readOrder(e.Comment.Body)
	switch {
	case !ok:
		return s.nothing("the comment is not a command: its first line does not start with /regreen")
	case e.Issue.PullRequest == nil:
		return s.nothing("the comment is on an issue; commands are for pull requests")
	case e.Action != "created":
		return s.nothing("only new comments are commands")
	case e.Comment.User.Type == "Bot":
		return s.nothing("comments of bots are not commands")
	}
	g, err := s.github()
	if err != nil {
		return 0, err
	}
	who := e.Comment.User.Login
	var may bool
	err = retrying(ctx, func() (err error) {
		may, err = g.MayWrite(ctx, who)
		return err
	})
	if err != nil {
		return 0, err
	}
	if !may {
		s.react(ctx, g, denied)
		return s.nothing(fmt.Sprintf("%s has no write access to this repository, so the command is ignored", who))
	}
	s.react(ctx, g, seen)
	var text string
	err = retrying(ctx, func() (err error) {
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
	return s.nothing(fmt.Sprintf("/regreen %s: %s", given.verb, map[string]string{done: "done", refused: "refused, the reply says why"}[reaction]))
}

// follow runs a command, and returns the reply as Markdown, or "".
func (s *step) follow(ctx context.Context, g *forge.GitHub, o order) (string, error) {
	if !slices.Contains([]string{"apply", "retry", "explain"}, o.verb) {
		return "", refuse("%s", howTo)
	}
	pull, err := g.Pull(ctx, s.event.Issue.Number)
	if err != nil {
		return "", err
	}
	posted, err := latest(ctx, g, pull.Number, o.id)
	if err != nil {
		return "", err
	}
	switch o.verb {
	case "retry":
		return s.retry(ctx, g, pull, posted)
	case "explain":
		rep, err := s.reported(ctx, g, posted)
		if err != nil {
			return "", err
		}
		return report.Explain(rep, forge.CommentSize-1), nil
	}
	return s.apply(ctx, g, pull, posted, o.id)
}

// latest returns the newest report on a pull request that names its run. If the command names a
// patch, it returns the report that shows the patch.
func latest(ctx context.Context, g *forge.GitHub, pull int, id string) (deliver.Posted, error) {
	reports, err := deliver.Reports(ctx, g, pull)
	if err != nil {
		return deliver.Posted{}, err
	}
	reports = slices.DeleteFunc(reports, func(t deliver.Posted) bool { return !t.HasRun })
	if len(reports) == 0 {
		return deliver.Posted{}, refuse("There is no regreen report on this pull request yet.")
	}
	name, _, _ := strings.Cut(id, "@")
	if i := slices.IndexFunc(reports, func(t deliver.Posted) bool { return name != "" && strings.Contains(t.Comment.Body, name+"@") }); i >= 0 {
		return reports[i], nil
	}
	return reports[0], nil
}

// stale refuses a report that is not about the pull request's head.
func stale(pull forge.Pull, posted deliver.Posted) error {
	switch {
	case !pull.Open:
		return refuse("The pull request is no longer open.")
	case posted.Run.Head != pull.Head:
		return refuse("The report is outdated: it is about %s, and the head of the pull request is now %s. Wait for the next report.",
			report.Code(short(posted.Run.Head)), report.Code(short(pull.Head)))
	}
	return nil
}

// retry starts the report's run again. The new attempt searches again, even for failures that
// were searched before.
func (s *step) retry(ctx context.Context, g *forge.GitHub, pull forge.Pull, posted deliver.Posted) (string, error) {
	if err := stale(pull, posted); err != nil {
		return "", err
	}
	run, err := g.Run(ctx, posted.Run.Run)
	if err != nil {
		return "", err
	}
	if awaits(run.Status, run.Conclusion) {
		return "", refuse("[The run](%s) waits for approval, which regreen cannot give.", run.URL)
	}
	if run.Status != "completed" {
		return "", refuse("[The run](%s) has not finished yet.", run.URL)
	}
	return "", g.Rerun(ctx, run.ID)
}

// awaits reports whether a run waits for approval.
func awaits(status, conclusion string) bool {
	return conclusion == "action_required" || slices.Contains([]string{"waiting", "pending", "requested"}, status)
}

// apply commits a proposed patch to the branch of the pull request.
func (s *step) apply(ctx context.Context, g *forge.GitHub, pull forge.Pull, posted deliver.Posted, id string) (string, error) {
	if err := stale(pull, posted); err != nil {
		return "", err
	}
	if id == "" {
		return "", refuse("Which patch? The report shows the command to type: `/regreen apply ID`.")
	}
	rep, err := s.reported(ctx, g, posted)
	if err != nil {
		return "", err
	}
	p, err := shown(rep, posted, pull.Head, id)
	if err != nil {
		return "", err
	}
	if pull.Fork {
		return "", refuse("The branch of this pull request is in %s, where this workflow cannot push. The report says how to apply the patch by hand.", report.Code(pull.HeadRepository))
	}
	files, err := deliver.Patched(ctx, g, pull.Head, []*report.Patch{p}, editable)
	if passing := (*forge.TransientError)(nil); errors.As(err, &passing) || ctx.Err() != nil {
		return "", err
	}
	if err != nil {
		return "", refuse("Cannot apply the patch: %s.", report.Prose(usererr.OneLine(err)))
	}
	sha, err := g.Commit(ctx, forge.Commit{Branch: pull.HeadRef, Parent: pull.Head, Message: message(p, s.event.Comment.User.Login), Files: files})
	switch {
	case errors.Is(err, forge.ErrProtected):
		return "", refuse("%s is a protected branch, and regreen does not push to those. The report says how to apply the patch by hand.", report.Code(pull.HeadRef))
	case errors.Is(err, forge.ErrMoved):
		return "", refuse("The pull request has new commits. Wait for the next report.")
	case err != nil:
		return "", err
	}
	s.learnKept(ctx, rep, p)
	text := fmt.Sprintf("Committed %s as %s.", report.Code(p.ID), sha)
	if login, err := g.Login(ctx); err != nil || login == forge.ActionsBot {
		text += " It was pushed with the workflow's own token, which starts no workflows: close and reopen the pull request to test it, or give regreen the token of an App."
	}
	return text, nil
}

// shown returns the patch of an ID from the artifact, if the report on the pull request shows
// the same patch for its head. An ID with a hash must match; without one, the comment must show
// the patch.
func shown(rep *report.Report, posted deliver.Posted, head, id string) (*report.Patch, error) {
	name, _, bound := strings.Cut(id, "@")
	for i := range rep.Patches {
		p := &rep.Patches[i]
		if p.ID != name {
			continue
		}
		want := deliver.Bound(head, p)
		switch {
		case bound && id != want, !strings.Contains(posted.Comment.Body, want):
			return nil, refuse("Patch %s is not the one that the report shows for this commit.", report.Code(name))
		case p.State != report.PatchVerified:
			return nil, refuse("Patch %s is not verified, so regreen does not commit it.", report.Code(name))
		case p.Redacted:
			return nil, refuse("The diff of %s contained a secret, which was removed, so it no longer applies.", report.Code(name))
		}
		return p, nil
	}
	return nil, refuse("The report shows no patch %s.", report.Code(name))
}

// message returns the commit message for a patch.
func message(p *report.Patch, who string) string {
	title := cmp.Or(deliver.PlainWords(p.Title, 60), "fix failing tests")
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

// reported returns the whole report that a comment shows, from the artifact of its run.
func (s *step) reported(ctx context.Context, g *forge.GitHub, posted deliver.Posted) (*report.Report, error) {
	if posted.Run.Artifact < 1 {
		return nil, refuse("The run left no artifact with the patches.")
	}
	rep, err := s.download(ctx, g, posted.Run.Artifact)
	switch {
	case errors.Is(err, errNoArtifact):
		return nil, refuse("The run's artifact with the patches no longer exists: `/regreen retry` creates a new one.")
	case err != nil:
		return nil, err
	case rep.ID != posted.Run.Report:
		return nil, refuse("The run's artifact has another report than this pull request: `/regreen retry` creates both again.")
	}
	return rep, nil
}

// reply posts a reply to the comment.
func (s *step) reply(ctx context.Context, g *forge.GitHub, text string) error {
	return retrying(ctx, func() error {
		_, err := g.Reply(ctx, s.event.Issue.Number, text+"\n")
		return err
	})
}

// retrying calls do again after a while if it failed for a reason that may pass. Commands can be
// repeated: GitHub refuses a second commit, because the branch has moved.
func retrying(ctx context.Context, do func() error) error {
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

// react adds a reaction to the comment. If it cannot, the command continues.
func (s *step) react(ctx context.Context, g *forge.GitHub, content string) {
	err := retrying(ctx, func() error { return g.React(ctx, s.event.Comment.ID, content) })
	if err != nil && ctx.Err() == nil {
		s.action.Infof("regreen: %s", line(usererr.OneLine(err)))
	}
}

// errNoArtifact says that a run left no report, or that it has expired.
var errNoArtifact = errors.New("no report from the run")

// newest returns the artifact of a name from the last attempt of a run. Each attempt leaves one.
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

// download returns the untrusted report in an artifact.
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
