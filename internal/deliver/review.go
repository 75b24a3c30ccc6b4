package deliver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
)

// suggestMost bounds the suggestions of a review: more than that nobody reads one by one.
const suggestMost = 20

// Suggestions reviews the pull request with the verified patches, on their lines, to
// be committed by a click. A review is all or nothing, so only what GitHub will take
// is sent: each anchor is looked up in the files of the pull request first.
func (g *GitHub) Suggestions() Channel {
	return g.channel("suggestions", func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		if g.o.PullRequest == 0 {
			return skip("this is no pull request", ""), nil
		}
		patches := candidates(r)
		if len(patches) == 0 {
			return skip("there is no verified patch to suggest", ""), nil
		}
		visible, err := g.visible(ctx)
		if err != nil {
			return report.Receipt{}, err
		}
		var all []suggestion
		var degraded []string
		for _, p := range patches {
			some, err := suggest(p, visible, g.o.Apply)
			switch {
			case err != nil:
				degraded = append(degraded, fmt.Sprintf("%s is not suggested: %v", oneLine(p.ID), err))
			case len(all)+len(some) > suggestMost:
				degraded = append(degraded, fmt.Sprintf("%s is not suggested: it has %d places, and a review %d at most", oneLine(p.ID), len(some), suggestMost))
			default:
				all = append(all, some...)
			}
		}
		if len(all) == 0 {
			return skip(strings.Join(degraded, "; "), "the comment and the artifact have the patch"), nil
		}
		all, where, err := g.missing(ctx, all)
		if err != nil {
			return report.Receipt{}, err
		}
		if len(all) == 0 {
			return report.Receipt{State: Skipped, Where: where, Reason: "the suggestions are there already", Degraded: degraded}, nil
		}
		where, err = g.review(ctx, all)
		return report.Receipt{Where: where, Degraded: degraded}, err
	})
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

func (g *GitHub) review(ctx context.Context, all []suggestion) (where string, err error) {
	head, err := g.commit(ctx)
	if err != nil {
		return "", err
	}
	var comments []forge.LineComment
	for _, s := range all {
		comments = append(comments, forge.LineComment{Path: s.file, Body: s.body, Line: s.line, Lines: s.lines})
	}
	return g.site.Review(ctx, g.o.PullRequest, head, comments)
}
