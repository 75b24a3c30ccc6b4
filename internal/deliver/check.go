package deliver

import (
	"context"
	"fmt"
	"strings"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
)

const (
	checkMost      = 500 // annotations per check run; each batch takes a second
	annotationSize = 60 << 10
)

// Check creates a check run with the report as its summary. A retry after a lost response
// finds the run by the report's ID and adds only the annotations that are missing.
func (g *GitHub) Check(annotations func(*report.Report) []report.Annotation) Channel {
	return g.channel(channels.Check, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		head, err := g.commit(ctx)
		if err != nil {
			return report.Receipt{}, err
		}
		if head == "" {
			return skip("no commit to attach a check to", ""), nil
		}
		marks := annotate(annotations(r))
		text, degraded := markdown(r, forge.CheckSize, report.MarkdownOptions{Landing: g.o.Landing.instructions("", nil)})
		if n := len(marks) - checkMost; n > 0 {
			marks = marks[:checkMost]
			degraded = append(degraded, fmt.Sprintf("%d of %d annotations left out", n, n+checkMost))
		}
		run, err := g.checkRun(ctx, head, r.ID)
		if err != nil {
			return report.Receipt{}, err
		}
		run.Conclusion, run.Title, run.Summary, run.DetailsURL = conclusion(r), report.OneLine(report.Title(r), forge.CheckTitle/3), text, g.o.Link
		sent := min(run.Annotated, len(marks))
		if run.ID == 0 {
			sent = min(forge.CheckAnnotations, len(marks))
			if run, err = g.site.CreateCheck(ctx, run, marks[:sent]); err != nil {
				return report.Receipt{}, err
			}
		}
		for sent < len(marks) {
			next := min(sent+forge.CheckAnnotations, len(marks))
			if err := g.site.AnnotateCheck(ctx, run, marks[sent:next]); err != nil {
				return report.Receipt{}, err
			}
			sent = next
		}
		return report.Receipt{Where: run.URL, Degraded: degraded}, nil
	})
}

// checkRun returns the check run that an earlier try created, or one to create.
func (g *GitHub) checkRun(ctx context.Context, head, id string) (forge.CheckRun, error) {
	const name = "regreen"
	runs, err := g.site.CheckRuns(ctx, head, name)
	for _, run := range runs {
		if run.ExternalID == id {
			return run, err
		}
	}
	return forge.CheckRun{Name: name, Head: head, ExternalID: id}, err
}

func conclusion(r *report.Report) string {
	if r.Passes() {
		return "success"
	}
	return "failure"
}

func annotate(all []report.Annotation) []forge.Annotation {
	var out []forge.Annotation
	for _, a := range all {
		if a.Path == "" || a.Start < 1 {
			continue // GitHub shows annotations on lines only
		}
		level := a.Level
		if level == "error" {
			level = "failure"
		}
		out = append(out, forge.Annotation{
			Path: a.Path, Start: a.Start, End: max(a.End, a.Start), Level: level,
			Title: report.OneLine(a.Title, forge.CheckTitle/3), Message: message(a),
		})
	}
	return out
}

// message returns the text of an annotation, which is never empty: GitHub refuses that.
func message(a report.Annotation) string {
	text := report.Visible(a.Message)
	if text == "" {
		text = "no further details"
	}
	if len(text) > annotationSize {
		text = strings.ToValidUTF8(text[:annotationSize], "") + "…"
	}
	return text
}
