package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/plural"
)

// Explain returns the reasoning behind a report as Markdown: the evidence for each patch,
// the suspects, and what was tried and why it was not chosen. Like Markdown, it is safe for
// untrusted text and fits into size bytes (0 means GitHub's limit for a comment).
func Explain(r *Report, size int) string {
	size = max(cmp.Or(size, commentSize), smallestSize)
	heading := fmt.Sprintf("## regreen: why %s\n", prose(title(r)))
	all := r.stories()
	out := []section{mdCauses(r), mdOrigin(r.Origin), mdCulprit(r.Culprit)}
	for _, s := range all {
		if s.best != nil {
			out = append(out, mdReasons(r, s.best))
		}
	}
	out = append(out, mdSuspects(r.Suspects), mdOthers(all.others()), mdLedger(r.Attempts), mdSearch(r), mdNotes(r.notDone()))
	return heading + fit(out, size-len(heading), "")
}

// mdReasons lists the reasons for and against a patch.
func mdReasons(r *Report, p *Patch) section {
	lines := []string{
		"- " + p.experience() + ": its share of the likelihood of all plausible patches, lower if it removes code\n",
		"- by " + code(p.Strategy) + ", " + cmp.Or(prose(p.Title), "no title") + "\n",
	}
	for _, e := range p.Evidence {
		mark := "✓"
		if !e.Passed {
			mark = "✗"
		}
		lines = append(lines, fmt.Sprintf("- %s %s: %s, %s\n", mark, prose(stepName(e)), prose(e.Detail), seconds(e.Seconds)))
	}
	for _, text := range []string{r.comparison(p), r.agreement(p)} {
		if text != "" {
			lines = append(lines, "- "+text+"\n")
		}
	}
	if p.NeedsReview {
		lines = append(lines, "- needs review: only a human can judge this change\n")
	}
	if reason := prose(p.Reason); reason != "" {
		lines = append(lines, "- "+reason+"\n")
	}
	return rows("reason", 1, lines, "\n### Patch "+code(p.ID)+"\n\n", "", func(l string) string { return l })
}

// mdSuspects lists the suspects, the most suspicious first.
func mdSuspects(suspects []Suspect) section {
	head := "\n### Suspects\n\n| Place | Suspiciousness | Why |\n| --- | --- | --- |\n"
	return rows("suspect", 3, suspects, head, "", func(s Suspect) string {
		return fmt.Sprintf("| %s | %.2f | %s |\n", cell(place(s.File, s.Start)), s.Score, cell(strings.Join(s.Why, ", ")))
	})
}

// mdLedger is the ledger, sorted by how far the attempts got.
func mdLedger(attempts []Attempt) section {
	order := []AttemptVerdict{AttemptVerified, AttemptRefused, AttemptPlausible, AttemptRejected, AttemptIllTyped, AttemptPruned}
	sorted := slices.Clone(attempts)
	slices.SortStableFunc(sorted, func(a, b Attempt) int {
		return slices.Index(order, a.Verdict) - slices.Index(order, b.Verdict)
	})
	const most = 200 // nobody reads more
	head, tail := details("All " + plural.Count(len(attempts), "candidate"))
	head += "| Strategy | Place | Verdict | Why |\n| --- | --- | --- | --- |\n"
	if n := len(sorted) - most; n > 0 {
		sorted, tail = sorted[:most], fmt.Sprintf("\n… %s\n", plural.Count(n, "more candidate"))+tail
	}
	return rows("candidate", 6, sorted, head, tail, func(a Attempt) string {
		return fmt.Sprintf("| %s | %s | %s | %s |\n", cell(a.Strategy), cell(place(a.File, a.Line)), cell(string(a.Verdict)), cell(a.Reason))
	})
}
