package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/plural"
)

// TerminalOptions describes the terminal.
type TerminalOptions struct {
	Color   bool
	Width   int  // columns; 0 means 80, and the minimum is 40
	Verbose bool // show everything, including the output of the tests
}

// The limits for what can be long, unless verbose.
const (
	fewCauses   = 4
	fewFailures = 5 // per cause
	fewOthers   = 3 // patches
	fewHunks    = 20
	fewDiff     = 40
	fewOutput   = 20
	manyOutput  = 400 // if verbose
	messageRows = 3   // of text from elsewhere
	manyRows    = 8
	codeRows    = 3 // terminal rows of one wrapped line of code
)

// Terminal writes the report for a terminal: the verdict, the failures and the change that
// introduced them, the patch with its evidence, and the next commands. It marks what it
// cuts. Control characters in text from tests, code and models are made visible. Terminal
// returns the error of w.
func Terminal(w io.Writer, r *Report, opt TerminalOptions) error {
	t := &terminal{opt: opt, width: max(cmp.Or(opt.Width, 80), 40)}
	t.verdict(r)
	t.problem(r.Problem)
	all := r.stories()
	shown := all[:t.some(len(all), fewCauses)]
	t.failures(r, shown)
	t.leftOut(2, len(all)-len(shown), "cause")
	if r.Origin != nil {
		t.title("Introduced in", r.Origin.text())
	}
	t.culprit(r.Culprit)
	for _, s := range shown {
		t.patch(r, s)
	}
	t.others(all.others())
	t.alerts(r.Alerts)
	t.notes(r)
	t.stats(r)
	t.commands(r, shown) // last, where users look first
	_, err := io.WriteString(w, t.text.String())
	return err
}

// terminal lays out a report. A blank line separates sections.
type terminal struct {
	opt   TerminalOptions
	width int
	text  strings.Builder
	cut   bool // something was left out
}

type style string // the parameters of an SGR sequence

const (
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

func (t *terminal) paint(s style, text string) string {
	if !t.opt.Color || s == "" || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// line writes a line without trailing spaces.
func (t *terminal) line(parts ...string) {
	t.text.WriteString(strings.TrimRight(strings.Join(parts, ""), " "))
	t.text.WriteByte('\n')
}

// title starts a section with a bold name and a description.
func (t *terminal) title(name, about string) {
	t.line()
	if about == "" {
		t.line(t.paint(bold, cut(name, t.width)))
		return
	}
	for i, l := range t.paragraph(about, t.width-cells(name)-2, messageRows) {
		if i == 0 {
			t.line(t.paint(bold, name), "  ", l)
		} else {
			t.line(strings.Repeat(" ", cells(name)+2), l)
		}
	}
}

// wrapped writes text in at most rows indented lines.
func (t *terminal) wrapped(indent int, s style, text string, rows int) {
	for _, l := range t.paragraph(text, t.width-indent, rows) {
		t.line(strings.Repeat(" ", indent), t.paint(s, l))
	}
}

// paragraph breaks text into at most rows lines of n columns.
func (t *terminal) paragraph(text string, n, rows int) []string {
	lines := wrap(text, n)
	if len(lines) > rows && !t.opt.Verbose {
		lines = lines[:rows]
		lines[rows-1] = cut(lines[rows-1]+" …", n)
		t.cut = true
	}
	return lines
}

// some returns how many of n items to show; leftOut counts the rest.
func (t *terminal) some(n, few int) int {
	if t.opt.Verbose || n <= few+1 { // "1 more" takes as much space as the one
		return n
	}
	t.cut = true
	return few
}

func (t *terminal) leftOut(indent, n int, what string) {
	if n > 0 {
		t.line(strings.Repeat(" ", indent), t.paint(dim, fmt.Sprintf("… %s", plural.Count(n, "more "+what))))
	}
}

func (t *terminal) verdict(r *Report) {
	mark, color := "✗", red
	if r.passes() {
		mark, color = "✓", green
	}
	if r.Verdict == Flaky {
		color = yellow
	}
	for i, l := range t.paragraph(title(r), t.width-2, messageRows) {
		if i > 0 {
			mark = " "
		}
		t.line(t.paint(color, mark), " ", t.paint(bold, l))
	}
}

func (t *terminal) problem(p *Problem) {
	if p == nil {
		return
	}
	if where := oneLine(p.Where); where != "" {
		t.wrapped(2, dim, where, messageRows)
	}
	t.output(2, p.Output, 0)
	if hint := oneLine(p.Hint); hint != "" {
		t.wrapped(2, "", "hint: "+hint, manyRows)
	}
}

func (t *terminal) alerts(alerts []Alert) {
	for _, a := range alerts {
		color := yellow
		if a.Level == LevelError {
			color = red
		}
		t.line()
		for i, l := range t.paragraph(oneLine(a.Text), t.width-4, messageRows) {
			mark := "⚠ "
			if i > 0 {
				mark = "  "
			}
			t.line("  ", t.paint(color, mark), l)
		}
		if hint := oneLine(a.Hint); hint != "" {
			t.wrapped(4, dim, "hint: "+hint, messageRows)
		}
	}
}

// output shows the end of what a command printed, where the reason usually is.
func (t *terminal) output(indent int, output string, truncated int) {
	text := strings.Trim(plain(output), "\n")
	if text == "" {
		return
	}
	lines := strings.Split(text, "\n")
	most := fewOutput
	if t.opt.Verbose {
		most = manyOutput
	}
	pad := strings.Repeat(" ", indent)
	if n := len(lines) - most; n > 1 {
		lines = lines[n:]
		t.cut = true
		t.line(pad, t.paint(dim, "… "+plural.Count(n, "earlier line")))
	}
	for _, l := range lines {
		t.code(pad, "", []patch.Span{{Text: expand(l)}}, dim, "")
	}
	if truncated > 0 {
		t.line(pad, t.paint(dim, fmt.Sprintf("… %s omitted", plural.Count(truncated, "byte"))))
	}
}

// failures lists the new failures by cluster and names the others.
func (t *terminal) failures(r *Report, all stories) {
	number := 0
	for _, s := range all {
		if len(s.failures) == 0 {
			continue
		}
		t.line()
		number++
		t.cause(s, number, len(r.Clusters))
		n := t.some(len(s.failures), fewFailures)
		previous := ""
		for _, f := range s.failures[:n] {
			t.failure(f, previous)
			previous = oneLine(f.Text())
		}
		t.leftOut(2, len(s.failures)-n, "failure")
	}
	if r.Verdict == Flaky || r.Verdict == Known || t.opt.Verbose {
		t.knownAndFlaky(r)
		return
	}
	if others := r.others(func(name string) string { return name }); others != "" {
		if number == 0 {
			t.line()
		}
		t.wrapped(2, dim, others, manyRows)
	}
}

// cause writes the heading of a cluster, unless it would only repeat its failure.
func (t *terminal) cause(s story, number, of int) {
	if s.cluster == nil {
		return
	}
	cause := oneLine(s.cluster.Cause)
	if of < 2 {
		if cause != "" && cause != oneLine(s.failures[0].Message) {
			t.wrapped(2, bold, cause, messageRows)
		}
		return
	}
	state, color := "still red", red
	if s.cluster.Status == ClusterRepaired {
		state, color = "repaired", green
	}
	lead := fmt.Sprintf("cause %d of %d, ", number, of)
	t.line("  ", t.paint(bold, lead), t.paint(color, state))
	if cause != "" && cause != oneLine(s.failures[0].Message) {
		t.wrapped(2, "", cause, messageRows)
	}
}

// knownAndFlaky lists the known and flaky failures.
func (t *terminal) knownAndFlaky(r *Report) {
	var shown []Failure
	for _, f := range r.Failures {
		if f.Status == FailureKnown || f.Status == FailureFlaky {
			shown = append(shown, f)
		}
	}
	if len(shown) == 0 {
		return
	}
	t.line()
	n := t.some(len(shown), fewFailures)
	for _, f := range shown[:n] {
		t.line("  ", t.paint(dim, string(f.Status)+" "), t.named(&f, 4+len(f.Status)))
	}
	t.leftOut(2, len(shown)-n, "failure")
}

// named returns a test with its package, as far as the width allows.
func (t *terminal) named(f *Failure, used int) string {
	name := cut(f.name(), t.width-used)
	left := t.width - used - cells(name) - 2
	if f.Test == "" || left < 8 {
		return t.paint(bold, name)
	}
	return t.paint(bold, name) + "  " + t.paint(dim, cutPath(oneLine(f.Package), left))
}

// failure shows one failing test, without a message that equals the previous one.
func (t *terminal) failure(f Failure, previous string) {
	t.line("  ", t.paint(red, "✗"), " ", t.named(&f, 4))
	text, at := oneLine(f.Text()), place(f.File, f.Line)
	switch {
	case at != "" && (text == previous || text == ""):
		text = at
	case at != "" && !strings.HasPrefix(text, at):
		text = at + ": " + text
	}
	t.wrapped(4, "", text, messageRows)
	if t.opt.Verbose {
		t.output(4, f.Output, f.Truncated)
	}
}

func (t *terminal) culprit(c *Culprit) {
	if c == nil {
		return
	}
	about := places(c.Files)
	if about != "" {
		about += ", "
	}
	t.title("Culprit", about+c.how())
	t.diff(c.Diff, fewHunks)
}

// patch shows the best patch of a cluster with its diff and evidence.
func (t *terminal) patch(r *Report, s story) {
	if s.best == nil {
		return
	}
	p := s.best
	name := "Patch"
	if p.State != PatchVerified {
		name = "Plausible patch"
	}
	about := oneLine(cmp.Or(p.Title, p.Strategy))
	if len(r.Clusters) > 1 && p.Cluster > 0 {
		about = fmt.Sprintf("%s (cause %d)", about, p.Cluster)
	}
	switch {
	case p.Staged:
		about += ", applied to index and working tree"
	case p.Applied:
		about += ", applied"
	}
	t.title(name, about)
	t.diff(p.Diff, fewDiff)
	t.line()
	t.evidence(p)
	t.confidence(p)
	for _, line := range []string{r.comparison(p), r.agreement(p)} {
		if line != "" && t.opt.Verbose {
			t.wrapped(2, dim, line, messageRows)
		}
	}
	if p.Redacted {
		t.wrapped(2, yellow, "the diff contains a secret, which is hidden", messageRows)
	}
}

func (t *terminal) evidence(p *Patch) {
	names := 0
	for _, e := range p.Evidence {
		names = max(names, cells(stepName(e)))
	}
	for _, e := range p.Evidence {
		mark, color := "✓", green
		if !e.Passed {
			mark, color = "✗", red
		}
		name := stepName(e) + strings.Repeat(" ", names-cells(stepName(e)))
		took := ""
		if e.Seconds >= 0.05 {
			took = ", " + seconds(e.Seconds)
		}
		for i, l := range t.paragraph(oneLine(e.Detail)+took, t.width-names-6, messageRows) {
			if i == 0 {
				t.line("  ", t.paint(color, mark), " ", name, "  ", t.paint(dim, l))
			} else {
				t.line(strings.Repeat(" ", names+6), t.paint(dim, l))
			}
		}
	}
}

// stepName returns the words for a step of the evidence.
func stepName(e Evidence) string { return cut(cmp.Or(stepNames[e.Step], oneLine(string(e.Step))), 24) }

func (t *terminal) confidence(p *Patch) {
	lead := p.experience() + ", by " + oneLine(p.Strategy)
	if p.NeedsReview {
		t.line("  ", cut(lead, t.width-20), ", ", t.paint(yellow, "needs review"))
	} else {
		t.line("  ", cut(lead, t.width-2))
	}
	if reason := oneLine(p.Reason); reason != "" && p.State != PatchVerified {
		t.wrapped(2, yellow, "not verified: "+reason, messageRows)
	}
}

// others lists the patches that are not the best, one line each.
func (t *terminal) others(patches []Patch) {
	if len(patches) == 0 {
		return
	}
	t.title("Other patches", "")
	n := t.some(len(patches), fewOthers)
	ids, states := 0, 0
	for _, p := range patches[:n] {
		ids = max(ids, cells(oneLine(p.ID)))
		states = max(states, len(oneLine(string(p.State))))
	}
	ids = min(ids, t.width/3)
	for _, p := range patches[:n] {
		id := cut(oneLine(p.ID), ids)
		lead := fmt.Sprintf("  %s%s  %.2f  %-*s  ", id, strings.Repeat(" ", ids-cells(id)), p.Confidence, states, oneLine(string(p.State)))
		t.line(lead, t.paint(dim, cut(oneLine(cmp.Or(p.Title, p.Strategy)), max(t.width-cells(lead), 1))))
	}
	t.leftOut(2, len(patches)-n, "patch")
}

// commands lists what to type next.
func (t *terminal) commands(r *Report, all stories) {
	if r.Verdict == Green {
		return
	}
	type command struct{ to, typed string }
	var commands []command
	for _, p := range all.patches() {
		switch {
		case !typable(p.ID):
		case p.Applied:
			commands = append(commands, command{"undo", "regreen rollback " + p.ID})
		case p.State == PatchVerified && !r.onCI():
			commands = append(commands, command{"apply", "regreen apply " + p.ID})
		}
	}
	if r.Verdict == Red && r.testOnly() && !r.onCI() {
		commands = append(commands, command{"fix", "regreen fix"})
	}
	if r.Origin != nil && typable(r.Origin.Commit) {
		commands = append(commands, command{"revert", r.Origin.revertCommand()})
	}
	if show := r.showCommand(); show != "" {
		if t.cut {
			show += " --verbose"
		}
		commands = append(commands, command{"show", show})
	}
	if skip := r.skipCommand(); skip != "" && !r.passes() {
		commands = append(commands, command{"skip", skip})
	}
	if len(commands) > 0 {
		t.line()
	}
	for _, c := range commands {
		t.line("  ", t.paint(dim, fmt.Sprintf("%-8s", c.to)), t.paint(cyan, c.typed))
	}
}

func (t *terminal) notes(r *Report) {
	notes := append(r.notDone(), r.undelivered()...)
	if len(notes) == 0 {
		return
	}
	t.title("Not done", "")
	for _, note := range notes {
		t.wrapped(2, "", oneLine(note), manyRows)
	}
}

func (t *terminal) stats(r *Report) {
	var parts []string
	for _, s := range []string{r.Stats.tallies(), r.Stats.times()} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return
	}
	if r.Verdict != Green || len(r.notDone()) > 0 {
		t.line()
	}
	for _, part := range parts {
		t.wrapped(2, dim, part, messageRows)
	}
}
