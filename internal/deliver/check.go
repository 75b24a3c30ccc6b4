package deliver

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-github/v92/github"

	"github.com/regreen-ci/regreen/internal/report"
)

const (
	checkSize      = 65_535 // bytes that GitHub takes of a summary
	checkTitle     = 255
	checkBatch     = 50  // annotations in a request
	checkMost      = 500 // annotations at all; at a second for each batch
	annotationSize = 60 << 10
	mayCheck       = "checks: write"
)

// Check makes a check run with the report as its summary. A try after a lost answer
// finds the run by the report's ID and goes on with the annotations that it lacks.
func (g *GitHub) Check(annotations func(*report.Report) []report.Annotation) Channel {
	return g.channel("check", func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		head, err := g.head(ctx)
		if err != nil {
			return report.Receipt{}, err
		}
		if head == "" {
			return skip("there is no commit to check", ""), nil
		}
		marks := annotate(annotations(r))
		text, degraded := markdown(r, checkSize, g.o.Apply)
		if n := len(marks) - checkMost; n > 0 {
			marks = marks[:checkMost]
			degraded = append(degraded, fmt.Sprintf("%d annotations left out, of %d", n, n+checkMost))
		}
		run, err := g.checkRun(ctx, head, r.ID)
		if err != nil {
			return report.Receipt{}, err
		}
		title := new(report.OneLine(report.Title(r), checkTitle/3))
		output := func(from int) (*github.CheckRunOutput, int) {
			to := min(from+checkBatch, len(marks))
			return &github.CheckRunOutput{Title: title, Summary: &text, Annotations: marks[from:to]}, to
		}
		there := 0
		if run == nil {
			opt := github.CreateCheckRunOptions{
				Name: "regreen", HeadSHA: head, ExternalID: &r.ID, Status: new("completed"), Conclusion: conclusion(r),
			}
			if g.o.Link != "" {
				opt.DetailsURL = &g.o.Link
			}
			opt.Output, there = output(0)
			err := g.write(ctx, func() (err error) {
				run, _, err = g.client.Checks.CreateCheckRun(ctx, g.owner, g.repo, opt)
				return err
			})
			if err != nil {
				return report.Receipt{}, problem("make a check run", mayCheck, err)
			}
		} else {
			there = min(run.GetOutput().GetAnnotationsCount(), len(marks))
		}
		for there < len(marks) {
			opt := github.UpdateCheckRunOptions{Name: "regreen", Status: new("completed"), Conclusion: conclusion(r)}
			opt.Output, there = output(there)
			err := g.write(ctx, func() error {
				_, _, err := g.client.Checks.UpdateCheckRun(ctx, g.owner, g.repo, run.GetID(), opt)
				return err
			})
			if err != nil {
				return report.Receipt{}, problem("add annotations to the check run", mayCheck, err)
			}
		}
		return report.Receipt{Where: run.GetHTMLURL(), Degraded: degraded}, nil
	})
}

// checkRun is the run that was made of this report before, or nil.
func (g *GitHub) checkRun(ctx context.Context, head, id string) (*github.CheckRun, error) {
	runs, err := pages(func(page github.ListOptions) ([]*github.CheckRun, *github.Response, error) {
		some, answer, err := g.client.Checks.ListCheckRunsForRef(ctx, g.owner, g.repo, head, &github.ListCheckRunsOptions{
			CheckName: new("regreen"), Filter: new("all"), ListOptions: page,
		})
		if err != nil {
			return nil, answer, err
		}
		return some.CheckRuns, answer, nil
	})
	if err != nil {
		return nil, problem("read the check runs", mayCheck, err)
	}
	for _, run := range runs {
		if run.GetExternalID() == id {
			return run, nil
		}
	}
	return nil, nil
}

func conclusion(r *report.Report) *string {
	if r.Passes() {
		return new("success")
	}
	return new("failure")
}

func annotate(all []report.Annotation) []*github.CheckRunAnnotation {
	var out []*github.CheckRunAnnotation
	for _, a := range all {
		if a.Path == "" || a.Start < 1 {
			continue // GitHub shows them on lines only
		}
		level := a.Level
		if level == "error" {
			level = "failure"
		}
		out = append(out, &github.CheckRunAnnotation{
			Path: &a.Path, StartLine: &a.Start, EndLine: new(max(a.End, a.Start)), AnnotationLevel: &level,
			Title: new(report.OneLine(a.Title, checkTitle/3)), Message: new(message(a)),
		})
	}
	return out
}

// message is never empty, which GitHub refuses.
func message(a report.Annotation) string {
	text := report.Visible(a.Message)
	if text == "" {
		text = "regreen has no more to say"
	}
	if len(text) > annotationSize {
		text = strings.ToValidUTF8(text[:annotationSize], "") + "…"
	}
	return text
}
