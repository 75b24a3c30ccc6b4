package deliver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-github/v92/github"

	"github.com/regreen-ci/regreen/internal/report"
)

const (
	commentSize = 65_536 // characters that GitHub takes; a text has never more of them than bytes
	folded      = "<!-- regreen:folded -->"
	mayComment  = "pull-requests: write"
)

// Comment keeps one comment on the pull request up to date. It is the one that has
// the marker and was written by whom the token belongs to, so nobody else's is
// edited. Where there are several, the newest stays and the others are folded.
func (g *GitHub) Comment() Channel {
	return g.channel("comment", func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		if g.o.PullRequest == 0 {
			return skip("this is no pull request", ""), nil
		}
		mine, err := g.comments(ctx)
		if err != nil {
			return report.Receipt{}, err
		}
		if len(mine) == 0 && r.Verdict == report.Green {
			return skip("all is green, and was never told otherwise", ""), nil
		}
		text, degraded := g.commentText(r)
		var comment *github.IssueComment
		if len(mine) == 0 {
			err = g.write(ctx, func() (err error) {
				comment, _, err = g.client.Issues.CreateComment(ctx, g.owner, g.repo, g.o.PullRequest, github.IssueCommentRequest{Body: text})
				return err
			})
		} else {
			comment, mine = mine[len(mine)-1], mine[:len(mine)-1]
			if comment.GetBody() != text {
				err = g.write(ctx, func() (err error) {
					comment, _, err = g.client.Issues.UpdateComment(ctx, g.owner, g.repo, comment.GetID(), github.IssueCommentRequest{Body: text})
					return err
				})
			}
		}
		if err != nil {
			return report.Receipt{}, problem("comment", mayComment, err)
		}
		if err := g.fold(ctx, mine, comment.GetHTMLURL()); err != nil {
			degraded = append(degraded, "older reports stay as they were: "+oneLine(err.Error()))
		}
		return report.Receipt{Where: comment.GetHTMLURL(), Degraded: degraded}, nil
	})
}

// marker tells a report of regreen's from other comments. It is not seen.
func (g *GitHub) marker() string {
	if g.o.Key != "" {
		return "<!-- regreen:report " + g.o.Key + " -->"
	}
	return "<!-- regreen:report -->"
}

func (g *GitHub) commentText(r *report.Report) (text string, degraded []string) {
	head, foot := g.marker()+"\n", ""
	if u, err := url.Parse(g.o.Link); err == nil && u.Host != "" && !strings.ContainsAny(g.o.Link, " <>()") {
		foot = "\n[The run](" + g.o.Link + ")\n"
	}
	text, degraded = markdown(r, commentSize-len(head)-len(foot), g.o.Apply)
	return head + text + foot, degraded
}

// comments are the reports of ours, the oldest first.
func (g *GitHub) comments(ctx context.Context) ([]*github.IssueComment, error) {
	all, err := pages(func(page github.ListOptions) ([]*github.IssueComment, *github.Response, error) {
		return g.client.Issues.ListComments(ctx, g.owner, g.repo, g.o.PullRequest, &github.IssueListCommentsOptions{ListOptions: page})
	})
	if err != nil {
		return nil, problem("read the comments", mayComment, err)
	}
	marked := slices.DeleteFunc(all, func(c *github.IssueComment) bool { return !strings.HasPrefix(c.GetBody(), g.marker()) })
	if len(marked) == 0 {
		return nil, nil
	}
	me, err := g.me(ctx)
	if err != nil {
		return nil, err
	}
	marked = slices.DeleteFunc(marked, func(c *github.IssueComment) bool { return c.GetUser().GetLogin() != me })
	slices.SortFunc(marked, func(a, b *github.IssueComment) int { return int(a.GetID() - b.GetID()) })
	return marked, nil
}

// actionsBot is whom the token of GitHub Actions belongs to.
const actionsBot = "github-actions[bot]"

// me is the login of whom the token belongs to.
func (g *GitHub) me(ctx context.Context) (string, error) {
	login, err := g.viewer(ctx)
	if t := (*transient)(nil); err != nil && ctx.Err() == nil && !errors.As(err, &t) {
		return actionsBot, nil // a server that does not tell
	}
	return login, err
}

// fold hides older reports, or where that is not permitted makes them one line.
func (g *GitHub) fold(ctx context.Context, old []*github.IssueComment, newest string) error {
	if len(old) == 0 {
		return nil
	}
	hidden := g.hidden(ctx, old)
	old = slices.DeleteFunc(old, func(c *github.IssueComment) bool { return hidden[c.GetNodeID()] })
	const most = 10 // at a second each; the rest the next time
	for _, c := range old[max(len(old)-most, 0):] {
		err := g.write(ctx, func() error {
			return g.query(ctx, "mutation($id:ID!){minimizeComment(input:{subjectId:$id,classifier:OUTDATED}){minimizedComment{isMinimized}}}",
				map[string]any{"id": c.GetNodeID()}, &struct{}{})
		})
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return err
		}
		err = g.write(ctx, func() error {
			_, _, err := g.client.Issues.UpdateComment(ctx, g.owner, g.repo, c.GetID(), github.IssueCommentRequest{
				Body: folded + fmt.Sprintf("\nThis report was followed by [a newer one](%s).\n", newest),
			})
			return err
		})
		if err != nil {
			return problem("fold older comments", mayComment, err)
		}
	}
	return nil
}

// hidden tells which comments are folded already. Not to know costs only requests.
func (g *GitHub) hidden(ctx context.Context, comments []*github.IssueComment) map[string]bool {
	var ids []string
	for _, c := range comments {
		ids = append(ids, c.GetNodeID())
	}
	var answer struct {
		Nodes []struct {
			ID          string
			IsMinimized bool
		}
	}
	_ = g.query(ctx, "query($ids:[ID!]!){nodes(ids:$ids){id ... on IssueComment{isMinimized}}}", map[string]any{"ids": ids}, &answer)
	known := map[string]bool{}
	for _, n := range answer.Nodes {
		known[n.ID] = n.IsMinimized
	}
	return known
}
