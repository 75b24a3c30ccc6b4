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

// folded begins what an older report is made.
const folded = "<!-- regreen:folded -->"

// Comment keeps one comment on the pull request up to date. It is the one that has
// the marker and was written by whom the token belongs to, so nobody else's is
// edited. Where there are several, the newest stays and the others are folded.
//
// It says how each patch lands, so where suggestions are on, too, it waits for what
// became of them.
func (g *GitHub) Comment() Channel {
	return channel{channels.Comment, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		var made *offers
		if g.o.Landing.Suggestions && g.o.PullRequest != 0 {
			_, made, _ = g.suggested(ctx, channels.Comment, r)
		}
		return g.tell(made).Send(ctx, r)
	}}
}

// tell is the comment, after the suggestions that were made.
func (g *GitHub) tell(made *offers) Channel {
	return g.channel(channels.Comment, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		if g.o.PullRequest == 0 {
			return skip("this is no pull request", ""), nil
		}
		if why, err := g.stale(ctx); why != "" || err != nil {
			return skip(why, ""), err
		}
		mine, err := g.site.Mine(ctx, g.o.PullRequest, g.marker())
		if err != nil {
			return report.Receipt{}, err
		}
		if len(mine) == 0 && quiet(r) {
			return skip("nothing new fails, and nothing was told before", ""), nil
		}
		text, degraded, err := g.commentText(ctx, r, made)
		if err != nil {
			return report.Receipt{}, err
		}
		var told forge.Comment
		if len(mine) == 0 {
			told, err = g.site.Reply(ctx, g.o.PullRequest, text)
		} else {
			told, mine = mine[len(mine)-1], mine[:len(mine)-1]
			if told.Body != text {
				told, err = g.site.EditComment(ctx, told.ID, text)
			}
		}
		if err != nil {
			return report.Receipt{}, err
		}
		if err := g.fold(ctx, mine, told.URL); err != nil {
			degraded = append(degraded, "older reports stay as they were: "+report.Brief(usererr.OneLine(err)))
		}
		return report.Receipt{Where: told.URL, Degraded: degraded}, nil
	})
}

// quiet tells whether a report is none to begin with telling: who makes a change need not
// hear each time of what fails without it.
func quiet(r *report.Report) bool {
	return r.Verdict == report.Green || r.Verdict == report.Known || r.Verdict == report.Flaky
}

// stale tells why a report is not one of the pull request's last commit, which another run
// tells of or has told of already; "" where it is.
func (g *GitHub) stale(ctx context.Context) (why string, err error) {
	if g.o.PullHead == "" {
		return "", nil
	}
	pull, err := g.pullRequest(ctx)
	if err != nil || pull.Head == g.o.PullHead {
		return "", err
	}
	return fmt.Sprintf("the pull request has gone on since: %.12s was tested, and it ends with %.12s", g.o.PullHead, pull.Head), nil
}

// marker tells a report of regreen's from other comments. It is not seen.
func (g *GitHub) marker() string { return reportMarker(g.o.Key) }

// reportMarker is the marker of reports with a key, which may come from outside.
func reportMarker(key string) string {
	if key == "" {
		return anyReport + markEnd
	}
	key = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' {
			return r
		}
		return '_' // a dash may end a comment of HTML
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
	text, degraded = markdown(r, forge.CommentSize-len(head)-len(foot), report.MarkdownOptions{Landing: landing.ways(tested, made)})
	return head + text + foot, degraded, nil
}

// fold hides older reports, or where that is not permitted makes them one line.
func (g *GitHub) fold(ctx context.Context, old []forge.Comment, newest string) error {
	if len(old) == 0 {
		return nil
	}
	hidden := g.hidden(ctx, old)
	old = slices.DeleteFunc(old, func(c forge.Comment) bool { return hidden[c.Node] })
	const most = 10 // at a second each; the rest the next time
	for _, c := range old[max(len(old)-most, 0):] {
		err := g.site.Minimize(ctx, c.Node)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return err
		}
		line := fmt.Sprintf("\nThis report was followed by [a newer one](%s).\n", newest)
		if _, err := g.site.EditComment(ctx, c.ID, folded+line); err != nil {
			return err
		}
	}
	return nil
}

// hidden tells which comments are folded already. Not to know costs only requests.
func (g *GitHub) hidden(ctx context.Context, comments []forge.Comment) map[string]bool {
	var nodes []string
	for _, c := range comments {
		nodes = append(nodes, c.Node)
	}
	hidden, _ := g.site.Minimized(ctx, nodes)
	return hidden
}
