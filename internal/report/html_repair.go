package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/regreen-ci/regreen/internal/plural"
)

// The sections of the page about failures and patches.

func putProblem(m *htmlWriter, p *htmlPage) {
	if p.Problem == nil {
		return
	}
	m.line(`<p class="lead">{}</p>`, oneLine(p.Problem.What))
	m.maybeLine(`<p><code>{}</code></p>`, oneLine(p.Problem.Where))
	m.maybeLine(`<pre class="output" tabindex="0" role="group" aria-label="Output">{}</pre>`,
		strings.Join(lastLines(p.Problem.Output, outputLines), "\n"))
	m.maybeLine(`<p>Hint: {}</p>`, oneLine(p.Problem.Hint))
}

func putAlerts(m *htmlWriter, p *htmlPage) {
	if len(p.Alerts) == 0 {
		return
	}
	m.line(`<ul class="plain">`)
	for _, a := range p.Alerts {
		m.put(`<li><span class="badge {}">{}</span> {}`, tone(string(a.Level)), oneLine(string(a.Level)), oneLine(a.Text))
		m.maybe(`<br><span class="quiet">{}</span>`, oneLine(a.Hint))
		m.line(`</li>`)
	}
	m.line(`</ul>`)
}

func putFailures(m *htmlWriter, p *htmlPage) {
	for _, c := range p.Causes {
		number := strconv.Itoa(c.Number)
		m.line(`<article class="cause" aria-labelledby="cause-{}">`, number)
		m.put(`<h3 id="cause-{}">`, number)
		m.maybe(`<span class="lead-in">{}</span> `, c.Lead)
		m.put(`{}`, c.Text)
		if c.Status != "" {
			repaired := c.Status == ClusterRepaired
			m.put(` <span class="badge {}">{}</span>`, pick(repaired, "good", "bad"), pick(repaired, "repaired", "still red"))
		}
		m.line(`</h3>`)
		m.line(`<div class="pair">`)
		m.line(`<div class="failing">`)
		m.line(`<h4>{}</h4>`, plural.Count(c.Count, "failing test"))
		putFailureList(m, c.First)
		if len(c.Rest) > 0 {
			m.line(`<details><summary>{}</summary>`, plural.Count(len(c.Rest), "more failing test"))
			putFailureList(m, c.Rest)
			m.line(`</details>`)
		}
		m.line(`</div>`)
		m.line(`<div class="fixing">`)
		if c.Best != nil {
			putPatch(m, *c.Best)
		} else {
			m.line(`<p class="quiet">No patch found.</p>`)
		}
		if len(c.Others) > 0 {
			m.line(`<details><summary>{}</summary>`, plural.Count(len(c.Others), "other patch"))
			for _, other := range c.Others {
				putPatch(m, other)
			}
			m.line(`</details>`)
		}
		m.line(`</div>`)
		m.line(`</div>`)
		m.line(`</article>`)
	}
}

func putKnownAndFlaky(m *htmlWriter, p *htmlPage) {
	if len(p.KnownAndFlaky) == 0 {
		return
	}
	if p.Open {
		m.put(`<details open>`)
	} else {
		m.put(`<details>`)
	}
	m.line(`<summary>{}</summary>`, plural.Count(len(p.KnownAndFlaky), "known or flaky test"))
	putFailureList(m, p.KnownAndFlaky)
	m.line(`</details>`)
}

func putFailureList(m *htmlWriter, failures []htmlFailure) {
	m.line(`<ul class="plain">`)
	for _, f := range failures {
		m.line(`<li class="failure">`)
		m.put(`<p><b>{}</b>`, f.Name)
		if f.Status != FailureNew {
			m.put(` <span class="badge {}">{}</span>`, pick(f.Status == FailureFlaky, "warn", "plain"), oneLine(string(f.Status)))
		}
		m.maybe(` <span class="quiet">{}</span>`, f.Kind)
		m.line(`</p>`)
		m.maybeLine(`<p class="quiet">{}</p>`, f.Package)
		m.maybeLine(`<p>{}</p>`, f.Message)
		m.maybeLine(`<p><code>{}</code></p>`, f.Place)
		if f.Output != "" {
			m.line(`<details><summary>Output<span class="unseen"> of {}</span></summary>`, f.Name)
			m.line(`<pre class="output" tabindex="0" role="group" aria-label="Output of {}">{}</pre>`, f.Name, f.Output)
			m.line(`</details>`)
		}
		m.maybeLine(`<p class="quiet">{}</p>`, f.Missing)
		m.line(`</li>`)
	}
	m.line(`</ul>`)
}

func putPatch(m *htmlWriter, p htmlPatch) {
	m.line(`<article class="patch">`)
	m.line(`<h4>{}</h4>`, p.Title)
	m.put(`<p class="facts"><span class="badge {}">{}</span>`, tone(string(p.State)), oneLine(string(p.State)))
	if p.Applied {
		m.put(` <span class="badge good">{}</span>`, pick(p.Staged, "applied and staged", "applied"))
	}
	if p.NeedsReview {
		m.put(` <span class="badge warn">needs review</span>`)
	}
	m.line(` <code>{}</code> by {}</p>`, oneLine(p.ID), oneLine(p.Strategy))
	if p.State != PatchVerified {
		m.maybeLine(`<p>Not verified: {}</p>`, oneLine(p.Reason))
	}
	if p.Command != "" {
		putCommand(m, pick(p.Applied, "Undo", "Apply"), p.Command)
	}
	if p.Redacted {
		m.line(`<p>The diff contains a secret, which is hidden, so it cannot be copied from here.</p>`)
	}
	putDiff(m, p.Lines)
	m.line(`<div class="trust">`)
	m.line(`<div>`)
	m.line(`<p class="confidence"><span>Confidence</span> <b>{}</b></p>`, fmt.Sprintf("%.2f", p.Confidence))
	m.line(`<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect width="{}" height="1"/></svg>`,
		svgNumber(newBar(0, p.Confidence, 1).Width))
	if h := p.TrackRecord; h != nil {
		m.line(`<p class="quiet">{} of {} similar patches kept</p>`, plural.Thousands(h.Kept), plural.Thousands(h.Applied))
	}
	m.maybeLine(`<p class="quiet">{}</p>`, p.Agreement)
	m.line(`</div>`)
	putEvidence(m, p.Evidence)
	if p.After != nil {
		m.line(`<table>`)
		m.line(`<caption>Tests before and after</caption>`)
		m.line(`<thead><tr><td></td><th scope="col" class="number">Passed</th><th scope="col" class="number">Failed</th><th scope="col" class="number">Skipped</th></tr></thead>`)
		m.line(`<tbody>`)
		putCounts(m, "Without the patch", p.Before)
		putCounts(m, "With the patch", *p.After)
		m.line(`</tbody>`)
		m.line(`</table>`)
	}
	m.line(`</div>`)
	m.line(`</article>`)
}

func putEvidence(m *htmlWriter, all []Evidence) {
	if len(all) == 0 {
		return
	}
	m.line(`<table class="proofs">`)
	m.line(`<caption>Evidence</caption>`)
	m.line(`<thead class="unseen"><tr><th scope="col">Step</th><th scope="col">Result</th><th scope="col">Time</th></tr></thead>`)
	m.line(`<tbody>`)
	for _, e := range all {
		m.line(`<tr><th scope="row"><span class="{}" role="img" aria-label="{}">{}</span> {}</th><td>{}</td><td class="number">{}</td></tr>`,
			pick(e.Passed, "good", "bad"), pick(e.Passed, "passed", "failed"), pick(e.Passed, "✓", "✗"),
			stepName(e), oneLine(e.Detail), seconds(e.Seconds))
	}
	m.line(`</tbody>`)
	m.line(`</table>`)
}

func putCounts(m *htmlWriter, what string, t Tests) {
	m.put(`<tr><th scope="row">{}`, what)
	m.maybe(`<span class="quiet">{}</span>`, t.notRun())
	m.line(`</th><td class="number">{}</td><td class="number">{}</td><td class="number">{}</td></tr>`,
		plural.Thousands(t.Passed), plural.Thousands(t.Failed), plural.Thousands(t.Skipped))
}

func putDiff(m *htmlWriter, diff []htmlLine) {
	if len(diff) == 0 {
		return
	}
	m.put(`<pre class="diff">`)
	for _, l := range diff {
		m.put(`<span class="{}">{}`, l.Class, l.Mark)
		for _, s := range l.Spans {
			if s.Changed {
				m.put(`<mark>{}</mark>`, s.Text)
			} else {
				m.put(`{}`, s.Text)
			}
		}
		m.put("\n</span>")
	}
	m.line(`</pre>`)
}

func putCommand(m *htmlWriter, what, command string) {
	m.line(`<p class="command"><span class="quiet">{}</span> <code>{}</code></p>`, what, command)
}

func putOrigin(m *htmlWriter, p *htmlPage) {
	if o := p.Origin; o != nil {
		m.line(`<p>Introduced in {}.</p>`, oneLine(o.text()))
		if typable(o.Commit) {
			putCommand(m, "Revert", o.revertCommand())
		}
	}
	if c := p.Culprit; c != nil {
		m.put(`<p>`)
		m.maybe(`<code>{}</code>: `, places(c.Files))
		m.line(`{}.</p>`, oneLine(c.how()))
		putDiff(m, p.CulpritDiff)
	}
	if len(p.Suspects) == 0 {
		return
	}
	m.line(`<details><summary>{}</summary>`, plural.Count(len(p.Suspects), "suspect"))
	m.line(`<table>`)
	m.line(`<caption>Suspects, by suspiciousness</caption>`)
	m.line(`<thead><tr><th scope="col">Lines</th><th scope="col" class="number">Score</th><th scope="col">Why</th></tr></thead>`)
	m.line(`<tbody>`)
	for _, s := range p.Suspects {
		m.line(`<tr><th scope="row"><code>{}</code></th><td class="number">{}</td><td>{}</td></tr>`,
			s.String(), fmt.Sprintf("%.2f", s.Score), joinLines(s.Why, "; "))
	}
	m.line(`</tbody>`)
	m.line(`</table>`)
	m.line(`</details>`)
}

func putNotDone(m *htmlWriter, p *htmlPage) {
	if len(p.NotDone) == 0 {
		return
	}
	m.line(`<ul>`)
	for _, text := range p.NotDone {
		m.line(`<li>{}</li>`, oneLine(text))
	}
	m.line(`</ul>`)
}
