package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/plural"
)

// MarkdownOptions describes the place that the Markdown is for.
type MarkdownOptions struct {
	// MaxBytes limits the result. 0 means 65,536, GitHub's limit for the characters of a
	// comment (a text never has more characters than bytes); the limit for a step summary
	// is 1 MiB. The minimum is 2 KiB.
	MaxBytes int
	// Apply is the command that applies a patch, without the ID. Empty means "regreen
	// apply".
	Apply string
	// Landing returns, as safe Markdown, how to apply a verified patch. Nil means a line
	// with Apply.
	Landing func(*Patch) string
	// GitLab also escapes what only GitLab acts on.
	GitLab bool
}

const (
	commentSize  = 65_536
	smallestSize = 2_048
)

// Markdown returns the report as a comment or a step summary on GitHub. Text from tests,
// code and models is escaped: no markup, HTML, mention, reference or link in it has effect.
// From a report longer than opt.MaxBytes it leaves out whole parts, the least important
// first, and says so at the end.
func Markdown(r *Report, opt MarkdownOptions) string {
	size := max(cmp.Or(opt.MaxBytes, commentSize), smallestSize)
	if !opt.GitLab {
		return render(r, opt, size)
	}
	text := forGitLab(render(r, opt, size))
	for within := size; len(text) > size && within > smallestSize; {
		within = max(within-(len(text)-size)-1, smallestSize)
		text = forGitLab(render(r, opt, within))
	}
	return text
}

// render returns the Markdown for GitHub.
func render(r *Report, opt MarkdownOptions, size int) string {
	opt.Apply = cmp.Or(opt.Apply, "regreen apply")
	mark := "✗"
	if r.passes() {
		mark = "✓"
	}
	heading := fmt.Sprintf("## %s regreen: %s\n", mark, prose(title(r)))
	rest := ""
	if command := r.showCommand(); command != "" {
		rest = " " + code(command) + " shows everything."
	}
	return heading + fit(sections(r, opt), size-len(heading), rest)
}

// sections returns the parts of the report, in order.
func sections(r *Report, opt MarkdownOptions) []section {
	all := r.stories()
	out := []section{
		mdContext(r),
		mdProblem(r.Problem),
		mdAlerts(r.Alerts),
		mdCauses(r),
		mdFailures(r, all),
		mdOrigin(r.Origin),
		mdCulprit(r.Culprit),
	}
	for _, s := range all {
		if s.best != nil {
			out = append(out, mdPatch(r, s.best, opt))
		}
	}
	return append(out,
		mdNotes(r.notDone()),
		mdOthers(all.others()),
		mdOutput(r),
		mdSearch(r),
	)
}

// rows makes a section of a list or table: head, a row for each item, and tail.
func rows[T any](name string, priority int, items []T, head, tail string, row func(T) string) section {
	rendered := make([]string, len(items))
	for i, item := range items {
		rendered[i] = row(item)
	}
	return section{name, priority, len(items), func(n int) string {
		if n == 0 {
			return ""
		}
		text := head + strings.Join(rendered[:n], "")
		if n < len(items) {
			text += fmt.Sprintf("\n… %s\n", plural.Count(len(items)-n, "more "+name))
		}
		return text + tail
	}}
}

// optional makes a section that is shown as a whole or not at all.
func optional(name string, priority int, text string) section {
	if text == "" {
		return section{name, priority, 0, func(int) string { return "" }}
	}
	return section{name, priority, 1, func(n int) string {
		if n == 0 {
			return ""
		}
		return text
	}}
}

// block makes a section of a fenced block between head and tail, which stay if lines of the
// block are left out.
func block(name string, priority int, head, language string, lines []string, tail string) section {
	return section{name, priority, len(lines), func(n int) string {
		text := head
		if n > 0 {
			text += "\n" + fence(language, lines[:n])
		}
		if n < len(lines) {
			text += fmt.Sprintf("\n… %s\n", plural.Count(len(lines)-n, "more "+name))
		}
		return text + tail
	}}
}

// details folds Markdown under a summary, which must have no markup.
func details(summary string) (head, tail string) {
	return "\n<details>\n<summary>" + summary + "</summary>\n\n", "\n</details>\n"
}

// mdContext names what was tested.
func mdContext(r *Report) section {
	text := code(r.Command)
	for _, part := range []struct{ word, value string }{
		{"at", commit(r.Environment.Head)},
		{"on", r.Environment.Branch},
		{"compared with", commit(r.Environment.Base)},
	} {
		if span := code(part.value); span != "" {
			text = strings.TrimSpace(text + " " + part.word + " " + span)
		}
	}
	if text == "" {
		return optional("context line", 3, "")
	}
	return optional("context line", 3, "\n"+text+"\n")
}

func mdProblem(p *Problem) section {
	if p == nil {
		return optional("problem", 0, "")
	}
	head := ""
	if where := code(p.Where); where != "" {
		head = "\nWhere: " + where + "\n"
	}
	tail := ""
	if hint := prose(p.Hint); hint != "" {
		tail = "\nHint: " + hint + "\n"
	}
	return block("output line", 0, head, "text", lastLines(p.Output, 200), tail)
}

// lastLines returns the end of an output, where the reason usually is.
func lastLines(output string, most int) []string {
	lines := blockLines(plain(output))
	if n := len(lines) - most; n > 0 {
		lines = append([]string{fmt.Sprintf("… %s", plural.Count(n, "earlier line"))}, lines[n:]...)
	}
	return lines
}

func mdAlerts(alerts []Alert) section {
	return rows("alert", 1, alerts, "\n### Alerts\n\n", "", func(a Alert) string {
		mark := "⚠"
		if a.Level == LevelError {
			mark = "✗"
		}
		text := "- " + mark + " " + prose(a.Text)
		if hint := prose(a.Hint); hint != "" {
			text += " (" + hint + ")"
		}
		return text + "\n"
	})
}

func mdCauses(r *Report) section {
	if len(r.Clusters) < 2 {
		return optional("cause", 2, "")
	}
	lines := make([]string, len(r.Clusters))
	for i, c := range r.Clusters {
		state := "still red"
		if c.Status == ClusterRepaired {
			state = "repaired"
			if c.Patch != "" {
				state += " by " + code(c.Patch)
			}
		}
		lines[i] = fmt.Sprintf("%d. **%s**: %s\n", i+1, state, prose(c.Cause))
	}
	return rows("cause", 2, lines, "\n### Causes\n\n", "", func(l string) string { return l })
}

// mdFailures is the table of the new failures. The others are named in a line.
func mdFailures(r *Report, all stories) section {
	type row struct {
		failure Failure
		cause   string
	}
	var failing []row
	for i, s := range all {
		cause := ""
		if s.cluster != nil {
			cause = fmt.Sprint(i + 1)
		}
		for _, f := range s.failures {
			failing = append(failing, row{f, cause})
		}
	}
	if r.Verdict == Flaky {
		for _, f := range r.Failures {
			failing = append(failing, row{f, ""})
		}
	}
	head, first := "\n### Failures\n\n", ""
	if len(r.Clusters) > 1 {
		head, first = head+"| Cause | Test | Where | Message |\n| --- | --- | --- | --- |\n", "| %s "
	} else {
		head += "| Test | Where | Message |\n| --- | --- | --- |\n"
	}
	tail := ""
	if others := r.others(code); others != "" && r.Verdict != Flaky {
		tail = "\n" + others + ".\n"
	}
	if len(failing) == 0 {
		return optional("known-failures line", 3, tail)
	}
	return rows("failure", 2, failing, head, tail, func(x row) string {
		f := &x.failure
		test := cell(cmp.Or(f.ID, f.name()))
		text := fmt.Sprintf("| %s | %s | %s |\n", test, cell(place(f.File, f.Line)), cell(f.Text()))
		if first != "" {
			text = fmt.Sprintf(first, x.cause) + text
		}
		return text
	})
}

func mdOrigin(o *Origin) section {
	if o == nil {
		return optional("origin", 3, "")
	}
	text := "\n**Introduced in** " + prose(o.text()) + "."
	if typable(o.Commit) {
		text += " Revert it with " + code(o.revertCommand()) + "."
	}
	return optional("origin", 3, text+"\n")
}

func mdCulprit(c *Culprit) section {
	if c == nil {
		return optional("culprit line", 4, "")
	}
	head := "\n### Culprit\n\n"
	if at := places(c.Files); at != "" {
		head += code(at) + ": "
	}
	head += prose(c.how()) + ".\n"
	return block("culprit line", 4, head, "diff", blockLines(c.Diff), "")
}

func mdPatch(r *Report, p *Patch, opt MarkdownOptions) section {
	name := "Patch"
	if p.State != PatchVerified {
		name = "Plausible patch, not verified"
	}
	var head, tail strings.Builder
	fmt.Fprintf(&head, "\n### %s: %s\n\n", name, prose(cmp.Or(p.Title, p.Strategy)))
	facts := []string{code(p.ID)}
	if len(r.Clusters) > 1 && p.Cluster > 0 {
		facts = append(facts, fmt.Sprintf("cause %d", p.Cluster))
	}
	facts = append(facts, p.experience(), "by "+code(p.Strategy))
	if p.NeedsReview {
		facts = append(facts, "**needs review**")
	}
	if p.Applied {
		facts = append(facts, "applied")
	}
	head.WriteString(strings.Join(facts, ", ") + "\n")
	if reason := prose(p.Reason); reason != "" && p.State != PatchVerified {
		head.WriteString("\nNot verified: " + reason + "\n")
	}
	const most = 20 // there are four steps; only a foreign report has more
	for i, e := range p.Evidence[:min(len(p.Evidence), most)] {
		if i == 0 {
			tail.WriteString("\n")
		}
		mark := "✓"
		if !e.Passed {
			mark = "✗"
		}
		fmt.Fprintf(&tail, "- %s %s: %s, %s\n", mark, prose(stepName(e)), prose(e.Detail), seconds(e.Seconds))
	}
	for _, line := range []string{r.comparison(p), r.agreement(p)} {
		if line != "" {
			tail.WriteString("- " + line + "\n")
		}
	}
	if p.Redacted {
		tail.WriteString("\nThe diff contains a secret, which is hidden, so it cannot be copied from here.\n")
	}
	if p.State == PatchVerified && !p.Applied {
		if opt.Landing != nil {
			tail.WriteString("\n" + opt.Landing(p))
		} else if typable(p.ID) {
			fmt.Fprintf(&tail, "\nApply it with %s\n", code(opt.Apply+" "+p.ID))
		}
	}
	return block("patch line", 1, head.String(), "diff", blockLines(p.Diff), tail.String())
}

func mdNotes(notes []string) section {
	return rows("note", 5, notes, "\n### Not done\n\n", "", item)
}

func mdOthers(patches []Patch) section {
	head, tail := details(plural.Count(len(patches), "other patch"))
	head += "| Patch | Confidence | State | What it does |\n| --- | --- | --- | --- |\n"
	return rows("other patch", 6, patches, head, tail, func(p Patch) string {
		return fmt.Sprintf("| %s | %.2f | %s | %s |\n",
			cell(p.ID), p.Confidence, cell(string(p.State)), prose(cmp.Or(p.Title, p.Strategy)))
	})
}

// mdOutput is the output of the failing tests.
func mdOutput(r *Report) section {
	var printed []Failure
	for _, f := range r.Failures {
		if f.Status != FailureKnown && strings.TrimSpace(f.Output) != "" {
			printed = append(printed, f)
		}
	}
	head, tail := details("Output of " + plural.Count(len(printed), "failing test"))
	head = strings.TrimSuffix(head, "\n") // each item starts with an empty line
	return rows("test output", 7, printed, head, tail, func(f Failure) string {
		text := "\n" + code(cmp.Or(f.ID, f.name())) + "\n\n" + fence("text", lastLines(f.Output, 60))
		if f.Truncated > 0 {
			text += "\n" + plural.Count(f.Truncated, "byte") + " of output omitted\n"
		}
		return text
	})
}

// mdSearch describes the search, by strategy, and the time it took.
func mdSearch(r *Report) section {
	type tried struct {
		strategy                 string
		all, plausible, verified int
		seconds                  float64
	}
	byName := map[string]*tried{}
	var strategies []*tried
	for _, a := range r.Attempts {
		t := byName[a.Strategy]
		if t == nil {
			t = &tried{strategy: a.Strategy}
			byName[a.Strategy] = t
			strategies = append(strategies, t)
		}
		t.all++
		t.seconds += a.Seconds
		switch a.Verdict {
		case AttemptPlausible, AttemptRefused:
			t.plausible++
		case AttemptVerified:
			t.plausible++
			t.verified++
		}
	}
	slices.SortStableFunc(strategies, func(a, b *tried) int {
		return cmp.Or(b.verified-a.verified, b.plausible-a.plausible, b.all-a.all, cmp.Compare(a.strategy, b.strategy))
	})
	about := []string{}
	for _, line := range []string{r.Stats.tallies(), r.Stats.times()} {
		if line != "" {
			about = append(about, "- "+line+"\n")
		}
	}
	if mode := r.Environment.Mode; mode != "" {
		line := "- mode " + prose(mode)
		if len(r.Environment.ModeReasons) > 0 {
			line += ": " + prose(strings.Join(r.Environment.ModeReasons, ", "))
		}
		about = append(about, line+"\n")
	}
	if success := r.Learning.success(); success != "" {
		about = append(about, "- "+success+"\n")
	}
	if r.Replay != nil && typable(r.ID) && !r.onCI() {
		about = append(about, fmt.Sprintf("- repeat with %s (seed %d, %s)\n", code("regreen replay "+r.ID), r.Replay.Seed, cmp.Or(prose(r.Replay.Toolchain), prose(r.Replay.System))))
	}
	for _, line := range r.undelivered() {
		about = append(about, item(line))
	}
	about = append(about, "- regreen "+cmp.Or(prose(r.Version), "(no version)")+", run "+cmp.Or(code(r.ID), "(no ID)")+"\n")
	head, tail := details("Search details")
	head += strings.Join(about, "")
	if len(strategies) == 0 {
		return optional("statistic", 8, head+tail)
	}
	head += "\n| Strategy | Attempts | Plausible | Verified | Time |\n| --- | --- | --- | --- | --- |\n"
	return rows("strategy", 8, strategies, head, tail, func(t *tried) string {
		return fmt.Sprintf("| %s | %d | %d | %d | %s |\n", cell(t.strategy), t.all, t.plausible, t.verified, seconds(t.seconds))
	})
}
