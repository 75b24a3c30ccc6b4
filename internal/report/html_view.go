package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/plural"
)

// htmlPage is the report with what its page derives from it.
type htmlPage struct {
	*Report
	Sections      []htmlSection
	Title         string
	Passes        bool
	Took          string
	Causes        []htmlCause
	KnownAndFlaky []htmlFailure
	Open          bool // the verdict is about the known and flaky ones
	CulpritDiff   []htmlLine
	NotDone       []string
	Stages        []htmlStage
	Posteriors    []htmlPosterior
	Trend         *htmlTrend
	Results       literal // shadows Report.Results with the data for the script
	Tally         string  // of the results
	ShowCommand   string  // shows the report in a terminal
	SkipCommand   string  // skips the hook
}

func newHTMLPage(r *Report) *htmlPage {
	p := &htmlPage{
		Report: r, Title: title(r), Passes: r.passes(), Open: r.Verdict == Known || r.Verdict == Flaky,
		NotDone: r.notDone(),
		Stages:  htmlStages(r.Stats.Seconds), Posteriors: htmlPosteriors(r.Learning), Trend: newHTMLTrend(r.Learning),
		Results: resultsData(r.Results), Tally: tallyResults(r.Results),
	}
	if !p.Passes {
		p.SkipCommand = r.skipCommand()
	}
	if typable(r.ID) {
		p.ShowCommand = "regreen report " + r.ID
	}
	total := 0.0
	for _, s := range p.Stages {
		total += s.Seconds
	}
	if total > 0 {
		p.Took = seconds(total)
	}
	room := outputRoom
	for i, s := range r.stories() {
		p.Causes = append(p.Causes, newHTMLCause(r, s, i+1, &room))
	}
	for i := range r.Failures {
		if f := &r.Failures[i]; f.Status == FailureKnown || f.Status == FailureFlaky {
			p.KnownAndFlaky = append(p.KnownAndFlaky, newHTMLFailure(f, "", &room))
		}
	}
	if r.Culprit != nil {
		p.CulpritDiff = htmlDiff(r.Culprit.Diff)
	}
	return p
}

// htmlCause is a story: the failures with one cause, and the patches for it.
type htmlCause struct {
	Number      int
	Lead        string // "Cause 1 of 2", if there are several
	Text        string
	Status      ClusterStatus // of the cluster; empty without one
	First, Rest []htmlFailure
	Count       int // of failures
	Best        *htmlPatch
	Others      []htmlPatch
}

func newHTMLCause(r *Report, s story, number int, room *int) htmlCause {
	const few = 6 // failures that are always visible
	c := htmlCause{Number: number, Text: "No common cause", Count: len(s.failures)}
	if s.cluster != nil {
		c.Text, c.Status = cmp.Or(oneLine(s.cluster.Cause), "Unknown cause"), s.cluster.Status
		if len(r.Clusters) > 1 {
			c.Lead = fmt.Sprintf("Cause %d of %d", number, len(r.Clusters))
		}
	}
	previous := c.Text
	for i := range s.failures {
		f := newHTMLFailure(&s.failures[i], previous, room)
		previous = cmp.Or(f.Message, previous)
		c.First = append(c.First, f)
	}
	if len(c.First) > few+1 {
		c.First, c.Rest = c.First[:few], c.First[few:]
	}
	if s.best != nil {
		best := newHTMLPatch(r, s.best)
		c.Best = &best
	}
	for i := range s.others {
		c.Others = append(c.Others, newHTMLPatch(r, &s.others[i]))
	}
	return c
}

// htmlFailure is a failing test with clean texts.
type htmlFailure struct {
	Name, Package, Kind, Message, Place string
	Status                              FailureStatus
	Output, Missing                     string // Missing says how much output is omitted
}

// How much output of failing tests a page holds: lines of each test, and bytes of all.
const (
	outputLines = 400
	outputRoom  = 2 << 20
)

// newHTMLFailure leaves out a message that equals the previous one. room is how many bytes
// of output still fit on the page.
func newHTMLFailure(f *Failure, previous string, room *int) htmlFailure {
	h := htmlFailure{Name: f.name(), Kind: oneLine(f.Kind), Status: f.Status, Place: place(f.File, f.Line)}
	if f.Test != "" {
		h.Package = oneLine(f.Package)
	}
	if message := oneLine(f.Text()); message != previous {
		h.Message = message
	}
	missing := f.Truncated
	if *room > 0 {
		h.Output = strings.Join(lastLines(f.Output, outputLines), "\n")
		*room -= len(h.Output)
	} else {
		missing += len(f.Output)
	}
	if missing > 0 {
		h.Missing = plural.Count(missing, "byte") + " of output omitted"
	}
	return h
}

// htmlPatch is a patch with the counts of the suite without it.
type htmlPatch struct {
	*Patch
	Title     string
	Lines     []htmlLine
	Before    Tests
	Agreement string // of the other patches
	Command   string // applies it, or rolls it back if it is applied
}

func newHTMLPatch(r *Report, p *Patch) htmlPatch {
	h := htmlPatch{
		Patch: p, Title: cmp.Or(oneLine(p.Title), oneLine(p.Strategy), "A patch"), Lines: htmlDiff(p.Diff),
		Before: r.Tests, Agreement: r.agreement(p),
	}
	switch {
	case !typable(p.ID):
	case p.Applied:
		h.Command = "regreen rollback " + p.ID
	case p.State == PatchVerified:
		h.Command = "regreen apply " + p.ID
	}
	return h
}

// shellQuoted joins arguments, quoted for a shell.
func shellQuoted(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = oneLine(arg)
		if arg == "" || strings.ContainsAny(arg, " \t\n\"'\\$`*?;&|<>()") {
			words[i] = "'" + strings.ReplaceAll(words[i], "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// notRun describes which packages were not run. It is "" if all were.
func (t Tests) notRun() string {
	var parts []string
	if t.UnaffectedPackages > 0 {
		parts = append(parts, plural.Count(t.UnaffectedPackages, "unaffected package")+" skipped")
	}
	if t.UnfinishedPackages > 0 {
		parts = append(parts, plural.Count(t.UnfinishedPackages, "package")+" did not finish in time")
	}
	if t.UnrunParts > 0 {
		parts = append(parts, plural.Count(t.UnrunParts, "part")+" of the tests could not run")
	}
	return strings.Join(parts, ", ")
}

// htmlLine is a line of a diff.
type htmlLine struct {
	Class, Mark string
	Spans       []patch.Span // changed ones are highlighted
}

// htmlDiff reads a unified diff to show it the way the terminal does.
func htmlDiff(diff string) []htmlLine {
	lines := readDiff(diff)
	out := make([]htmlLine, 0, len(lines))
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		add := func(class, mark string) {
			out = append(out, htmlLine{class, mark, []patch.Span{{Text: l.text}}})
		}
		switch l.kind {
		case diffFile:
			add("file", "")
		case diffMeta:
			add("meta", "")
		case diffHunk:
			add("hunk", "")
		case diffContext:
			add("same", " ")
		case diffDelete, diffInsert:
			end := changeEnd(lines, i, len(lines))
			out = append(out, htmlChange(lines[i:end])...)
			i = end - 1
		}
	}
	return out
}

// htmlChange highlights the differences between deleted lines and their replacements.
func htmlChange(lines []diffLine) []htmlLine {
	var deleted, inserted []string
	for _, l := range lines {
		if l.kind == diffDelete {
			deleted = append(deleted, l.text)
		} else {
			inserted = append(inserted, l.text)
		}
	}
	var out []htmlLine
	old, new := patch.Highlight(deleted, inserted)
	for _, spans := range old {
		out = append(out, htmlLine{"del", "-", spans})
	}
	for _, spans := range new {
		out = append(out, htmlLine{"ins", "+", spans})
	}
	return out
}
