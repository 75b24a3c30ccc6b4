package deliver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// folded marks the comment of an older report that was replaced by one line.
const folded = "<!-- regreen:folded -->"

// Comment keeps one comment on the pull request up to date: the one that has the marker and
// was written by the owner of the token, so nobody else's comment is edited. If there are
// several, the newest stays and the others are folded.
//
// The comment says how to apply each patch, so it waits for the suggestions if that channel
// is on as well.
func (g *GitHub) Comment() Channel {
	return channel{channels.Comment, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		var made *offers
		if g.o.Landing.Suggestions && g.o.PullRequest != 0 {
			_, made, _ = g.suggested(ctx, channels.Comment, r)
		}
		return g.comment(made).Send(ctx, r)
	}}
}

// comment returns the channel that posts the comment, given the suggestions that were made.
func (g *GitHub) comment(made *offers) Channel {
	return g.channel(channels.Comment, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		if g.o.PullRequest == 0 {
			return skip("not a pull request", ""), nil
		}
		if why, err := g.stale(ctx); why != "" || err != nil {
			return skip(why, ""), err
		}
		mine, err := g.site.Mine(ctx, g.o.PullRequest, g.marker())
		if err != nil {
			return report.Receipt{}, err
		}
		if len(mine) == 0 && quiet(r) {
			return skip("nothing new fails, and nothing was posted before", ""), nil
		}
		text, degraded, err := g.commentText(ctx, r, made)
		if err != nil {
			return report.Receipt{}, err
		}
		var posted forge.Comment
		if len(mine) == 0 {
			posted, err = g.site.Reply(ctx, g.o.PullRequest, text)
		} else {
			posted, mine = mine[len(mine)-1], mine[:len(mine)-1]
			if posted.Body != text {
				posted, err = g.site.EditComment(ctx, posted.ID, text)
			}
		}
		if err != nil {
			return report.Receipt{}, err
		}
		if err := g.fold(ctx, mine, posted.URL); err != nil {
			degraded = append(degraded, "older reports were not folded: "+report.Brief(usererr.OneLine(err)))
		}
		return report.Receipt{Where: posted.URL, Degraded: degraded}, nil
	})
}

// quiet reports whether a report is not worth a first comment: authors need not hear about
// failures that their change did not cause.
func quiet(r *report.Report) bool {
	return r.Verdict == report.Green || r.Verdict == report.Known || r.Verdict == report.Flaky
}

// stale returns why a report is not about the pull request's head commit, which another run
// reports; "" if it is.
func (g *GitHub) stale(ctx context.Context) (why string, err error) {
	if g.o.PullHead == "" {
		return "", nil
	}
	pull, err := g.pullRequest(ctx)
	if err != nil || pull.Head == g.o.PullHead {
		return "", err
	}
	return fmt.Sprintf("outdated: tested %.12s, head is now %.12s", g.o.PullHead, pull.Head), nil
}

// marker returns the invisible text that distinguishes a report from other comments.
func (g *GitHub) marker() string { return reportMarker(g.o.Key) }

// reportMarker returns the marker of reports with a key, which may come from outside.
func reportMarker(key string) string {
	if key == "" {
		return anyReport + markEnd
	}
	key = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' {
			return r
		}
		return '_' // a dash could end the HTML comment
	}, key[:min(len(key), 60)])
	return anyReport + " " + key + markEnd
}

func (g *GitHub) commentText(ctx context.Context, r *report.Report, made *offers) (text string, degraded []string, err error) {
	pull, err := g.pullRequest(ctx)
	if err != nil {
		return "", nil, err
	}
	landing, tested := g.o.Landing, cmp.Or(g.o.PullHead, pull.Head)
	landing.Fork = landing.Fork || pull.Fork
	head, foot := g.marker()+"\n", ""
	if landing.Run > 0 {
		head += RunMark{Run: landing.Run, Artifact: landing.Artifact, Head: tested, Report: report.OneLine(r.ID, 128)}.String() + "\n"
	}
	if isLink(g.o.Link) {
		foot = "\n[The run](" + g.o.Link + ")\n"
	}
	text, degraded = markdown(r, forge.CommentSize-len(head)-len(foot), report.MarkdownOptions{Landing: landing.instructions(tested, made)})
	return head + text + foot, degraded, nil
}

// fold hides older reports, or replaces them by one line if the token may not hide them.
func (g *GitHub) fold(ctx context.Context, old []forge.Comment, newest string) error {
	if len(old) == 0 {
		return nil
	}
	hidden := g.hidden(ctx, old)
	old = slices.DeleteFunc(old, func(c forge.Comment) bool { return hidden[c.Node] })
	const most = 10 // each takes a second; the next run folds the rest
	for _, c := range old[max(len(old)-most, 0):] {
		err := g.site.Minimize(ctx, c.Node)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return err
		}
		line := fmt.Sprintf("\nThere is [a newer report](%s).\n", newest)
		if _, err := g.site.EditComment(ctx, c.ID, folded+line); err != nil {
			return err
		}
	}
	return nil
}

// hidden returns which comments are folded already. If that is unknown, folding them again
// only costs requests.
func (g *GitHub) hidden(ctx context.Context, comments []forge.Comment) map[string]bool {
	var nodes []string
	for _, c := range comments {
		nodes = append(nodes, c.Node)
	}
	hidden, _ := g.site.Minimized(ctx, nodes)
	return hidden
}
