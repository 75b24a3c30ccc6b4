package forge

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-github/v92/github"
)

// CommentSize is GitHub's limit for a comment in characters; a text never has more characters
// than bytes.
const CommentSize = 65_536

const mayComment = "pull-requests: write"

// Comment is a comment on a pull request or an issue.
type Comment struct {
	ID     int64
	Node   string // its ID in GraphQL
	Author string // login
	Body   string
	URL    string
}

func comment(c *github.IssueComment) Comment {
	return Comment{ID: c.GetID(), Node: c.GetNodeID(), Author: c.GetUser().GetLogin(), Body: c.GetBody(), URL: c.GetHTMLURL()}
}

// Comments returns all comments on a pull request, the oldest first.
func (g *GitHub) Comments(ctx context.Context, pull int) ([]Comment, error) {
	found, err := pages(func(page github.ListOptions) ([]*github.IssueComment, *github.Response, error) {
		return g.client.Issues.ListComments(ctx, g.owner, g.repo, pull, &github.IssueListCommentsOptions{ListOptions: page})
	})
	if err != nil {
		return nil, g.problem("read the comments", mayComment, err)
	}
	all := make([]Comment, len(found))
	for i, c := range found {
		all[i] = comment(c)
	}
	slices.SortStableFunc(all, func(a, b Comment) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Mine returns the comments on a pull request that begin with the prefix and were written by
// the owner of the token, the oldest first.
func (g *GitHub) Mine(ctx context.Context, pull int, prefix string) ([]Comment, error) {
	all, err := g.Comments(ctx, pull)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(c Comment) bool { return !strings.HasPrefix(c.Body, prefix) })
	if len(all) == 0 {
		return nil, nil
	}
	me, err := g.Login(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(c Comment) bool { return c.Author != me }), nil
}

// Reply adds a comment to a pull request.
func (g *GitHub) Reply(ctx context.Context, pull int, text string) (Comment, error) {
	var c *github.IssueComment
	err := g.pace.write(ctx, func() (err error) {
		c, _, err = g.client.Issues.CreateComment(ctx, g.owner, g.repo, pull, github.IssueCommentRequest{Body: text})
		return err
	})
	return comment(c), g.problem("comment", mayComment, err)
}

// EditComment replaces the text of a comment.
func (g *GitHub) EditComment(ctx context.Context, id int64, text string) (Comment, error) {
	var c *github.IssueComment
	err := g.pace.write(ctx, func() (err error) {
		c, _, err = g.client.Issues.UpdateComment(ctx, g.owner, g.repo, id, github.IssueCommentRequest{Body: text})
		return err
	})
	return comment(c), g.problem("edit the comment", mayComment, err)
}

// React adds a reaction to a comment: eyes, rocket, confused, -1 and others.
func (g *GitHub) React(ctx context.Context, comment int64, content string) error {
	err := g.pace.write(ctx, func() error {
		_, _, err := g.client.Reactions.CreateIssueCommentReaction(ctx, g.owner, g.repo, comment, content)
		return err
	})
	return g.problem("react to the comment", mayComment, err)
}

// Minimize folds a comment, named by its node, as outdated.
func (g *GitHub) Minimize(ctx context.Context, node string) error {
	return g.pace.write(ctx, func() error {
		return g.query(ctx, "mutation($id:ID!){minimizeComment(input:{subjectId:$id,classifier:OUTDATED}){minimizedComment{isMinimized}}}",
			map[string]any{"id": node}, &struct{}{})
	})
}

// Minimized returns which comments, named by their nodes, are folded.
func (g *GitHub) Minimized(ctx context.Context, nodes []string) (map[string]bool, error) {
	var answer struct {
		Nodes []struct {
			ID          string
			IsMinimized bool
		}
	}
	err := g.query(ctx, "query($ids:[ID!]!){nodes(ids:$ids){id ... on IssueComment{isMinimized}}}", map[string]any{"ids": nodes}, &answer)
	if err != nil {
		return nil, err
	}
	folded := map[string]bool{}
	for _, n := range answer.Nodes {
		folded[n.ID] = n.IsMinimized
	}
	return folded, nil
}

// MayWrite reports whether a user can push to the repository. An unknown user cannot.
func (g *GitHub) MayWrite(ctx context.Context, login string) (bool, error) {
	if !isLogin(login) {
		return false, nil
	}
	level, _, err := g.client.Repositories.GetPermissionLevel(ctx, g.owner, g.repo, login)
	if answer, _ := refusal(err); answer != nil && answer.StatusCode == http.StatusNotFound {
		return false, nil
	}
	if err != nil {
		return false, g.problem(fmt.Sprintf("read the permissions of %s", login), "contents: read", err)
	}
	switch level.GetPermission() {
	case "admin", "maintain", "write":
		return true, nil
	}
	return false, nil
}

// isLogin reports whether a name can be a user's, and so is safe in a URL.
func isLogin(name string) bool {
	name = strings.TrimSuffix(name, "[bot]")
	return name != "" && len(name) <= 100 && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}
