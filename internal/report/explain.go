package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/plural"
)

// Explain is the reasoning behind a report as Markdown, for who asks why: what speaks for
// each patch, where the fault was looked for, and what was tried and why it was not taken.
// It is as safe as Markdown's, and fitted to size bytes in the same way (0 stands for what
// GitHub takes in a comment).
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
	out = append(out, mdSuspects(r.Suspects), mdOthers(all.others()), mdLedger(r.Attempts), mdSearch(r), mdNotes(r.undone()))
	return heading + fit(out, size-len(heading), "")
}

// mdReasons is what speaks for a patch and against it.
func mdReasons(r *Report, p *Patch) section {
	lines := []string{
		"- " + p.experience() + ": its share in what all plausible patches are worth, less what it takes away\n",
		"- by " + code(p.Strategy) + ", " + cmp.Or(prose(p.Title), "without a title") + "\n",
	}
	for _, e := range p.Evidence {
		mark := "✓"
		if !e.Passed {
			mark = "✗"
		}
		lines = append(lines, fmt.Sprintf("- %s %s: %s, %s\n", mark, prose(proof(e)), prose(e.Detail), seconds(e.Seconds)))
	}
	for _, text := range []string{r.comparison(p), r.agreement(p)} {
		if text != "" {
			lines = append(lines, "- "+text+"\n")
		}
	}
	if p.NeedsReview {
		lines = append(lines, "- it needs review: it changes what only a person can judge\n")
	}
	if reason := prose(p.Reason); reason != "" {
		lines = append(lines, "- "+reason+"\n")
	}
	return rows("reason", 1, lines, "\n### Patch "+code(p.ID)+"\n\n", "", func(l string) string { return l })
}

// mdSuspects are the places where the fault was looked for, the likeliest first.
func mdSuspects(suspects []Suspect) section {
	head := "\n### Where the fault was looked for\n\n| Place | Suspicion | Why |\n| --- | --- | --- |\n"
	return rows("suspect", 3, suspects, head, "", func(s Suspect) string {
		return fmt.Sprintf("| %s | %.2f | %s |\n", cell(place(s.File, s.Start)), s.Score, cell(strings.Join(s.Why, ", ")))
	})
}

// mdLedger is the ledger, what came furthest first.
func mdLedger(attempts []Attempt) section {
	order := []AttemptVerdict{AttemptVerified, AttemptRefused, AttemptPlausible, AttemptRejected, AttemptIllTyped, AttemptPruned}
	sorted := slices.Clone(attempts)
	slices.SortStableFunc(sorted, func(a, b Attempt) int {
		return slices.Index(order, a.Verdict) - slices.Index(order, b.Verdict)
	})
	const most = 200 // nobody reads on
	head, tail := details("All " + plural.Count(len(attempts), "candidate"))
	head += "| Strategy | Place | Verdict | Why |\n| --- | --- | --- | --- |\n"
	if n := len(sorted) - most; n > 0 {
		sorted, tail = sorted[:most], fmt.Sprintf("\n… %s\n", plural.Count(n, "more candidate"))+tail
	}
	return rows("candidate", 6, sorted, head, tail, func(a Attempt) string {
		return fmt.Sprintf("| %s | %s | %s | %s |\n", cell(a.Strategy), cell(place(a.File, a.Line)), cell(string(a.Verdict)), cell(a.Reason))
	})
}
