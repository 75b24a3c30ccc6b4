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

// suggestMost bounds the suggestions of a review: more than that nobody reads one by one.
const suggestMost = 20

// Suggestions reviews the pull request with the verified patches, on their lines, to
// be committed by a click. A review is all or nothing, so only what GitHub will take
// is sent: each anchor is looked up in the files of the pull request first.
func (g *GitHub) Suggestions() Channel {
	return channel{channels.Suggestions, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		receipt, _, err := g.suggested(ctx, channels.Suggestions, r)
		return receipt, err
	}}
}

// round is one making of suggestions, which the channels of a run share.
type round struct {
	of      *report.Report
	done    chan struct{} // closed when the rest is known
	askers  map[channels.Name]bool
	receipt report.Receipt
	made    *offers
	err     error
}

// suggested makes the suggestions of a report, once for all who ask: the first does it,
// others wait, so it does not matter which channel begins. Who asks again has them made
// again.
func (g *GitHub) suggested(ctx context.Context, asker channels.Name, r *report.Report) (report.Receipt, *offers, error) {
	g.turns.Lock()
	turn, before := g.round, g.round
	first := turn == nil || turn.of != r || turn.askers[asker]
	if first {
		turn = &round{
			of: r, done: make(chan struct{}), askers: map[channels.Name]bool{},
			made: &offers{failed: "that was not finished"}, err: errors.New("another channel was to do it, and did not finish"),
		}
		g.round = turn
	}
	turn.askers[asker] = true
	g.turns.Unlock()
	if first {
		defer close(turn.done) // also when it panics
		if before != nil {     // what it made is not made again
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
		return report.Receipt{}, &offers{failed: "that took too long"}, context.Cause(ctx)
	}
}

// suggestions makes them, and notes what is made.
func (g *GitHub) suggestions(made *offers) Channel {
	return g.channel(channels.Suggestions, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		*made = offers{refused: map[string]error{}}
		if g.o.PullRequest == 0 {
			return skip("this is no pull request", ""), nil
		}
		if why, err := g.stale(ctx); why != "" || err != nil {
			return skip(why, ""), err
		}
		patches := candidates(r)
		if len(patches) == 0 {
			return skip("there is no verified patch to suggest", ""), nil
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
				err = fmt.Errorf("it has %d places, and a review %d at most", len(some), suggestMost)
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
			return skip(strings.Join(degraded, "; "), "the comment and the artifact have the patch"), nil
		}
		all, where, err := g.missing(ctx, all)
		if err != nil {
			return report.Receipt{}, err
		}
		receipt := report.Receipt{State: report.ReceiptSkipped, Where: where, Reason: "the suggestions are there already", Degraded: degraded}
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

// filesOf is the tab of a pull request that has its files, or "".
func filesOf(p forge.Pull) string {
	if !isLink(p.URL) || strings.ContainsAny(p.URL, "?#") {
		return ""
	}
	return p.URL + "/files"
}

// visible gives what the pull request shows of a file.
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

// missing leaves out what was suggested before, and tells where one of that is.
func (g *GitHub) missing(ctx context.Context, all []suggestion) ([]suggestion, string, error) {
	said, err := g.site.LineComments(ctx, g.o.PullRequest)
	if err != nil {
		return nil, "", err
	}
	said = slices.DeleteFunc(said, func(c forge.LineComment) bool { return !strings.HasPrefix(c.Body, "<!-- regreen:suggestion ") })
	if len(said) == 0 {
		return all, "", nil
	}
	me, err := g.site.Login(ctx)
	if err != nil {
		return nil, "", err
	}
	where := ""
	all = slices.DeleteFunc(all, func(s suggestion) bool {
		return slices.ContainsFunc(said, func(c forge.LineComment) bool {
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
