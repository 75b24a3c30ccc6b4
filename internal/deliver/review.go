package deliver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// suggestMost limits the suggestions of a review: nobody reads more one by one.
const suggestMost = 20

// Suggestions reviews the pull request: it attaches the verified patches to their lines, ready
// to be committed by a click. GitHub accepts a review completely or not at all, so each line
// is looked up in the files of the pull request first.
func (g *GitHub) Suggestions() Channel {
	return channel{channels.Suggestions, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		receipt, _, err := g.suggested(ctx, channels.Suggestions, r)
		return receipt, err
	}}
}

// round is one attempt to make suggestions, which the channels of a run share.
type round struct {
	of      *report.Report
	done    chan struct{} // closed when the other fields are set
	askers  map[channels.Name]bool
	receipt report.Receipt
	made    *offers
	err     error
}

// suggested makes the suggestions of a report once for all channels that ask. The first one
// makes them and the others wait, so it does not matter which one begins. A channel that asks
// again, in a retry, starts a new round.
func (g *GitHub) suggested(ctx context.Context, by channels.Name, r *report.Report) (report.Receipt, *offers, error) {
	g.roundMu.Lock()
	turn, before := g.round, g.round
	first := turn == nil || turn.of != r || turn.askers[by]
	if first {
		turn = &round{
			of: r, done: make(chan struct{}), askers: map[channels.Name]bool{},
			made: &offers{failed: "making suggestions did not finish"}, err: errors.New("the channel that makes the suggestions did not finish"),
		}
		g.round = turn
	}
	turn.askers[by] = true
	g.roundMu.Unlock()
	if first {
		defer close(turn.done) // even if it panics
		if before != nil {     // suggestions that it made are not made again
			select {
			case <-before.done:
			case <-ctx.Done():
				turn.err = context.Cause(ctx)
				return turn.receipt, turn.made, turn.err
			}
		}
		made := &offers{}
		turn.receipt, turn.err = g.suggestions(made).Send(ctx, r)
		switch {
		case turn.err != nil:
			made.failed = report.Brief(usererr.OneLine(turn.err))
		case len(made.places) == 0:
			made.failed = turn.receipt.Reason
		}
		turn.made = made
		return turn.receipt, made, turn.err
	}
	select {
	case <-turn.done:
		return turn.receipt, turn.made, turn.err
	case <-ctx.Done():
		return report.Receipt{}, &offers{failed: "making suggestions took too long"}, context.Cause(ctx)
	}
}

// suggestions returns the channel that posts suggestions and stores the outcome in made.
func (g *GitHub) suggestions(made *offers) Channel {
	return g.channel(channels.Suggestions, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		*made = offers{refused: map[string]error{}}
		if g.o.PullRequest == 0 {
			return skip("not a pull request", ""), nil
		}
		if why, err := g.stale(ctx); why != "" || err != nil {
			return skip(why, ""), err
		}
		patches := candidates(r)
		if len(patches) == 0 {
			return skip("no verified patch to suggest", ""), nil
		}
		visible, err := g.visible(ctx)
		if err != nil {
			return report.Receipt{}, err
		}
		pull, err := g.pullRequest(ctx)
		if err != nil {
			return report.Receipt{}, err
		}
		made.files = filesOf(pull)
		landing := g.o.Landing
		landing.Fork = landing.Fork || pull.Fork
		var all []suggestion
		var degraded []string
		places := map[string]int{}
		for _, p := range patches {
			some, err := suggest(p, visible, landing, cmp.Or(g.o.PullHead, pull.Head))
			if err == nil && len(all)+len(some) > suggestMost {
				err = fmt.Errorf("%d suggestions are more than fit in a review of at most %d", len(some), suggestMost)
			}
			if err != nil {
				made.refused[p.ID] = err
				degraded = append(degraded, fmt.Sprintf("%s is not suggested: %s", report.Brief(p.ID), usererr.OneLine(err)))
				continue
			}
			places[p.ID] = len(some)
			all = append(all, some...)
		}
		if len(all) == 0 {
			return skip(strings.Join(degraded, "; "), "take the patch from the comment or the artifact"), nil
		}
		all, where, err := g.missing(ctx, all)
		if err != nil {
			return report.Receipt{}, err
		}
		receipt := report.Receipt{State: report.ReceiptSkipped, Where: where, Reason: "the suggestions were posted before", Degraded: degraded}
		if len(all) > 0 {
			if where, err = g.review(ctx, pull.Head, all); err != nil {
				return report.Receipt{}, err
			}
			receipt = report.Receipt{Where: where, Degraded: degraded}
		}
		made.places = places
		return receipt, nil
	})
}

// filesOf returns the address of a pull request's changed files, or "".
func filesOf(p forge.Pull) string {
	if !isLink(p.URL) || strings.ContainsAny(p.URL, "?#") {
		return ""
	}
	return p.URL + "/files"
}

// visible returns a function that returns the lines of a file that the pull request shows.
func (g *GitHub) visible(ctx context.Context) (func(file string) []shown, error) {
	files, err := g.site.PullFiles(ctx, g.o.PullRequest)
	if err != nil {
		return nil, err
	}
	return func(name string) []shown {
		i := slices.IndexFunc(files, func(f forge.PullFile) bool { return f.Name == name && f.Status != "removed" })
		if i < 0 {
			return nil
		}
		return showing(name, files[i].Hunks)
	}, nil
}

// missing returns the suggestions that were not posted before, and the address of one that was.
func (g *GitHub) missing(ctx context.Context, all []suggestion) ([]suggestion, string, error) {
	posted, err := g.site.LineComments(ctx, g.o.PullRequest)
	if err != nil {
		return nil, "", err
	}
	posted = slices.DeleteFunc(posted, func(c forge.LineComment) bool { return !strings.HasPrefix(c.Body, "<!-- regreen:suggestion ") })
	if len(posted) == 0 {
		return all, "", nil
	}
	me, err := g.site.Login(ctx)
	if err != nil {
		return nil, "", err
	}
	where := ""
	all = slices.DeleteFunc(all, func(s suggestion) bool {
		return slices.ContainsFunc(posted, func(c forge.LineComment) bool {
			same := c.Author == me && strings.HasPrefix(c.Body, s.marker) && c.Path == s.file
			if same {
				where = c.URL
			}
			return same
		})
	})
	return all, where, nil
}

func (g *GitHub) review(ctx context.Context, head string, all []suggestion) (where string, err error) {
	var comments []forge.LineComment
	for _, s := range all {
		comments = append(comments, forge.LineComment{Path: s.file, Body: s.body, Line: s.line, Lines: s.lines})
	}
	return g.site.Review(ctx, g.o.PullRequest, head, comments)
}
