package forge

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/go-github/v92/github"
)

// Pull is a pull request.
type Pull struct {
	Number         int
	URL, Title     string
	Author         string // login
	Open, Draft    bool
	Fork           bool   // its branch is in another repository, or in a deleted one
	Head           string // the head commit of its branch
	HeadRef        string // the branch
	HeadRepository string // owner/name; "" if it was deleted
	Base, BaseRef  string // the commit and the branch to merge it into
}

func (g *GitHub) pull(p *github.PullRequest) Pull {
	head := p.GetHead().GetRepo().GetFullName()
	base := p.GetBase().GetRepo().GetFullName()
	if base == "" {
		base = g.Repository()
	}
	return Pull{
		Number: p.GetNumber(), URL: p.GetHTMLURL(), Title: p.GetTitle(), Author: p.GetUser().GetLogin(),
		Open: p.GetState() == "open", Draft: p.GetDraft(), Fork: !strings.EqualFold(head, base),
		Head: p.GetHead().GetSHA(), HeadRef: p.GetHead().GetRef(), HeadRepository: head,
		Base: p.GetBase().GetSHA(), BaseRef: p.GetBase().GetRef(),
	}
}

// Pull reads a pull request.
func (g *GitHub) Pull(ctx context.Context, number int) (Pull, error) {
	p, _, err := g.client.PullRequests.Get(ctx, g.owner, g.repo, number)
	if err != nil {
		return Pull{}, g.problem("read the pull request", "pull-requests: read", err)
	}
	return g.pull(p), nil
}

// PullsOf returns the pull requests from a branch of this repository, open or closed.
func (g *GitHub) PullsOf(ctx context.Context, branch string) ([]Pull, error) {
	return g.PullsFrom(ctx, g.owner, branch)
}

// PullsFrom returns the pull requests from a branch of the owner's repository, which may be a
// fork, open or closed.
func (g *GitHub) PullsFrom(ctx context.Context, owner, branch string) ([]Pull, error) {
	found, err := pages(func(page github.ListOptions) ([]*github.PullRequest, *github.Response, error) {
		return g.client.PullRequests.List(ctx, g.owner, g.repo, &github.PullRequestListOptions{State: "all", Head: owner + ":" + branch, ListOptions: page})
	})
	if err != nil {
		return nil, g.problem("read the pull requests", "pull-requests: read", err)
	}
	var all []Pull
	for _, p := range found {
		if p.GetHead().GetRef() == branch { // older servers ignore the filter
			all = append(all, g.pull(p))
		}
	}
	return all, nil
}

// PullDraft is a pull request to open.
type PullDraft struct {
	Head, Base  string // branches of this repository
	Title, Body string // Body has at most CommentSize characters
}

// OpenPull opens a pull request, as a draft if the repository supports that.
func (g *GitHub) OpenPull(ctx context.Context, d PullDraft) (Pull, error) {
	p, err := g.openPull(ctx, d, true)
	if answer, message := refusal(err); answer != nil && answer.StatusCode == http.StatusUnprocessableEntity && strings.Contains(message, "raft pull requests are not supported") {
		p, err = g.openPull(ctx, d, false)
	}
	if err == nil {
		return g.pull(p), nil
	}
	answer, message := refusal(err)
	err = g.problem("open a pull request", mayComment, err)
	if e, ok := err.(*Error); ok && answer != nil {
		switch {
		case answer.StatusCode == http.StatusForbidden && strings.Contains(message, "not permitted to create"):
			e.Advice = "allow GitHub Actions to create pull requests in the repository's settings, Actions, General"
		case strings.Contains(message, "already exists"):
			e.kinds = append(e.kinds, ErrExists)
		}
	}
	return Pull{}, err
}

func (g *GitHub) openPull(ctx context.Context, d PullDraft, draft bool) (p *github.PullRequest, err error) {
	err = g.pace.write(ctx, func() (err error) {
		p, _, err = g.client.PullRequests.Create(ctx, g.owner, g.repo, github.CreatePullRequest{Title: &d.Title, Head: d.Head, Base: d.Base, Body: &d.Body, Draft: &draft})
		return err
	})
	return p, err
}

// PullFile is a file that a pull request changes.
type PullFile struct {
	Name   string
	Status string // added, modified, removed, renamed ...
	Hunks  string // without a header; "" if GitHub does not show them
}

// PullFiles returns all files that a pull request changes.
func (g *GitHub) PullFiles(ctx context.Context, pull int) ([]PullFile, error) {
	found, err := pages(func(page github.ListOptions) ([]*github.CommitFile, *github.Response, error) {
		return g.client.PullRequests.ListFiles(ctx, g.owner, g.repo, pull, &page)
	})
	if err != nil {
		return nil, g.problem("read the files of the pull request", mayComment, err)
	}
	all := make([]PullFile, len(found))
	for i, f := range found {
		all[i] = PullFile{Name: f.GetFilename(), Status: f.GetStatus(), Hunks: f.GetPatch()}
	}
	return all, nil
}

// LineComment is a comment on lines of a file in a pull request, on the side with the new
// lines.
type LineComment struct {
	Path, Body  string
	Line, Lines int    // the first line, and how many
	Author, URL string // of an existing comment
}

// LineComments returns all line comments on a pull request, without their lines.
func (g *GitHub) LineComments(ctx context.Context, pull int) ([]LineComment, error) {
	found, err := pages(func(page github.ListOptions) ([]*github.PullRequestComment, *github.Response, error) {
		return g.client.PullRequests.ListComments(ctx, g.owner, g.repo, pull, &github.PullRequestListCommentsOptions{ListOptions: page})
	})
	if err != nil {
		return nil, g.problem("read the review comments", mayComment, err)
	}
	all := make([]LineComment, len(found))
	for i, c := range found {
		all[i] = LineComment{Path: c.GetPath(), Body: c.GetBody(), Author: c.GetUser().GetLogin(), URL: c.GetHTMLURL()}
	}
	return all, nil
}

// Review comments on lines of a pull request at its commit head. If the pull request does not
// show one of the lines, it posts no comment at all.
func (g *GitHub) Review(ctx context.Context, pull int, head string, comments []LineComment) (address string, err error) {
	request := &github.PullRequestReviewRequest{CommitID: &head, Event: new("COMMENT")}
	for _, c := range comments {
		on := &github.DraftReviewComment{Path: &c.Path, Body: &c.Body, Side: new("RIGHT"), Line: new(c.Line + c.Lines - 1)}
		if c.Lines > 1 { // GitHub refuses a start_line that is the line
			on.StartLine, on.StartSide = &c.Line, new("RIGHT")
		}
		request.Comments = append(request.Comments, on)
	}
	err = g.pace.write(ctx, func() error {
		review, _, err := g.client.PullRequests.CreateReview(ctx, g.owner, g.repo, pull, request)
		address = review.GetHTMLURL()
		return err
	})
	return address, g.problem("review the pull request", mayComment, err)
}
