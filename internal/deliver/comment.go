package deliver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
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
	return channel{comment, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		var made *offers
		if g.o.Landing.Suggestions && g.o.PullRequest != 0 {
			_, made, _ = g.suggested(ctx, comment, r)
		}
		return g.tell(made).Send(ctx, r)
	}}
}

// tell is the comment, after the suggestions that were made.
func (g *GitHub) tell(made *offers) Channel {
	return g.channel(comment, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		if g.o.PullRequest == 0 {
			return skip("this is no pull request", ""), nil
		}
		mine, err := g.site.Mine(ctx, g.o.PullRequest, g.marker())
		if err != nil {
			return report.Receipt{}, err
		}
		if len(mine) == 0 && r.Verdict == report.Green {
			return skip("all is green, and was never told otherwise", ""), nil
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
			degraded = append(degraded, "older reports stay as they were: "+oneLine(err.Error()))
		}
		return report.Receipt{Where: told.URL, Degraded: degraded}, nil
	})
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
