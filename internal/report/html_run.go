package report

import (
	"fmt"
	"strconv"

	"github.com/regreen-ci/regreen/internal/plural"
)

// The sections of the page about the run as a whole.

func putSearch(m *htmlWriter, p *htmlPage) {
	m.maybeLine(`<p>{}.</p>`, p.Stats.tallies())
	if len(p.Attempts) == 0 {
		return
	}
	m.line(`<div class="long" data-name="attempt">`)
	putFilter(m, "attempts")
	m.line(`<div class="scroll" tabindex="0" role="group" aria-label="Ledger of attempts">`)
	m.line(`<table class="sortable">`)
	m.line(`<caption>All candidates</caption>`)
	m.line(`<thead><tr><th scope="col">Verdict</th><th scope="col">Strategy</th><th scope="col">Where</th><th scope="col">Stage</th><th scope="col" class="number">Seconds</th><th scope="col">Reason</th><th scope="col">Attempt</th></tr></thead>`)
	m.line(`<tbody>`)
	for i := range p.Attempts {
		a := &p.Attempts[i]
		m.line(`<tr><td><span class="badge {}">{}</span></td><td>{}</td><td><code>{}</code></td><td>{}</td><td class="number">{}</td><td>{}</td><td>{}</td></tr>`,
			tone(string(a.Verdict)), oneLine(string(a.Verdict)), oneLine(a.Strategy), place(a.File, a.Line), oneLine(string(a.Stage)),
			fmt.Sprintf("%.3f", a.Seconds), oneLine(a.Reason), oneLine(a.ID))
	}
	m.line(`</tbody>`)
	m.line(`</table>`)
	m.line(`</div>`)
	putPages(m, "attempts")
	m.line(`</div>`)
}

func putFilter(m *htmlWriter, of string) {
	m.line(`<div class="filter" hidden><label>Filter {} <input type="search" autocomplete="off" spellcheck="false"></label> <p role="status"></p></div>`, of)
}

func putPages(m *htmlWriter, of string) {
	m.line(`<div class="pages" role="group" aria-label="Pages of {}" hidden><button type="button">Previous</button> <span></span> <button type="button">Next</button></div>`, of)
}

func putTime(m *htmlWriter, p *htmlPage) {
	if len(p.Stages) == 0 {
		return
	}
	m.line(`<table class="bars">`)
	m.line(`<caption>{}, by stage</caption>`, p.Took)
	m.line(`<thead class="unseen"><tr><th scope="col">Stage</th><td></td><th scope="col">Time</th><th scope="col">Share</th></tr></thead>`)
	m.line(`<tbody>`)
	for _, s := range p.Stages {
		m.line(`<tr><th scope="row">{}</th><td class="wide"><svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect x="{}" width="{}" height="1"/></svg></td><td class="number">{}</td><td class="number quiet">{}</td></tr>`,
			s.Name, svgNumber(s.From), svgNumber(s.Width), seconds(s.Seconds), s.share())
	}
	m.line(`</tbody>`)
	m.line(`</table>`)
}

func putLearning(m *htmlWriter, p *htmlPage) {
	if len(p.Posteriors) > 0 {
		m.line(`<table class="bars">`)
		m.line(`<caption>How often each strategy is right: mean and 80 % interval</caption>`)
		m.line(`<thead class="unseen"><tr><th scope="col">Strategy</th><td></td><th scope="col">Mean (80 % interval)</th><th scope="col">Distribution</th></tr></thead>`)
		m.line(`<tbody>`)
		for _, b := range p.Posteriors {
			interval := b.interval()
			m.put(`<tr><th scope="row">{}</th><td class="wide"><svg class="belief" aria-hidden="true"><title>{}</title><rect class="track" width="100%" height="2" y="7"/>`, b.Strategy, b.text())
			m.put(`<rect class="interval" x="{}%" width="{}%" height="6" y="5"/>`, svgNumber(interval.From), svgNumber(interval.Width))
			m.line(`<circle cx="{}%" cy="8" r="5"/></svg></td><td class="number">{}</td><td class="number quiet">{}</td></tr>`, svgNumber(b.at().From), b.text(), b.Distribution)
		}
		m.line(`</tbody>`)
		m.line(`</table>`)
	}
	if p.Trend != nil {
		putTrend(m, p.Trend)
	}
}

func putTrend(m *htmlWriter, t *htmlTrend) {
	m.line(`<figure>`)
	m.put(`<figcaption>{}; green: searches that found a patch`, t.About)
	if t.Earlier > 0 {
		m.put(` (the first {} not shown)`, plural.Count(t.Earlier, "period"))
	}
	m.line(`</figcaption>`)
	m.line(`<svg class="trend" role="img" aria-labelledby="trend-title trend-about">`)
	m.line(`<title id="trend-title">Searches, and those that found a verified patch, over time</title>`)
	m.line(`<desc id="trend-about">{}. The table below has the numbers.</desc>`, t.About)
	for _, p := range t.Periods {
		x, width := svgNumber(p.Across.From), svgNumber(p.Across.Width)
		m.put(`<g><title>{}: {} of {}</title>`, p.Day, strconv.Itoa(p.Repaired.Count), plural.Count(p.Runs.Count, "search"))
		m.put(`<rect class="runs" x="{}%" width="{}%" y="{}%" height="{}%"/>`, x, width, svgNumber(p.Runs.Top), svgNumber(p.Runs.Height))
		m.line(`<rect class="repaired" x="{}%" width="{}%" y="{}%" height="{}%"/></g>`, x, width, svgNumber(p.Repaired.Top), svgNumber(p.Repaired.Height))
	}
	m.line(`</svg>`)
	m.line(`<p class="ends quiet" aria-hidden="true"><span>{}</span><span>{}</span></p>`, t.First, t.Last)
	m.line(`<details><summary>The trend in numbers</summary>`)
	m.line(`<table>`)
	m.line(`<caption>Searches for a patch</caption>`)
	m.line(`<thead><tr><th scope="col">From</th><th scope="col" class="number">Searches</th><th scope="col" class="number">Found a verified patch</th></tr></thead>`)
	m.line(`<tbody>`)
	for _, p := range t.Periods {
		m.line(`<tr><th scope="row">{}</th><td class="number">{}</td><td class="number">{}</td></tr>`, p.Day, plural.Thousands(p.Runs.Count), plural.Thousands(p.Repaired.Count))
	}
	m.line(`</tbody>`)
	m.line(`</table>`)
	m.line(`</details>`)
	m.line(`</figure>`)
}

func putTests(m *htmlWriter, p *htmlPage) {
	if p.Results == "" {
		return
	}
	m.line(`<p>{}.</p>`, p.Tally)
	m.put(`<noscript>`)
	m.put(`<p>This table needs the script of the page, which is disabled. Failures are listed above`)
	m.maybe(`, and <code>{} --format json</code> lists all tests`, p.ShowCommand)
	m.line(`.</p></noscript>`)
	m.put(`<script type="application/json" id="results">`)
	m.verbatim(p.Results)
	m.line(`</script>`)
	m.line(`<div class="long" data-name="test" data-rows="results" hidden>`)
	putFilter(m, "tests")
	m.line(`<div class="scroll" tabindex="0" role="group" aria-label="Results of all tests">`)
	m.line(`<table class="sortable">`)
	m.line(`<caption>All tests of the first run</caption>`)
	m.line(`<thead><tr><th scope="col">Outcome</th><th scope="col">Test</th><th scope="col">Package</th><th scope="col" class="number">Seconds</th><th scope="col" class="number">Tries</th><th scope="col">Where</th></tr></thead>`)
	m.line(`<tbody></tbody>`)
	m.line(`</table>`)
	m.line(`</div>`)
	putPages(m, "tests")
	m.line(`</div>`)
}

func putRun(m *htmlWriter, p *htmlPage) {
	m.line(`<dl class="facts">`)
	e := &p.Environment
	m.put(`<div><dt>Event</dt><dd>{}`, oneLine(e.Event))
	m.maybe(` on {}`, oneLine(e.Provider))
	m.maybe(` ({})`, oneLine(e.Host))
	m.line(`{}</dd></div>`, pick(e.Fork, ", from a fork", ""))
	m.line(`<div><dt>Policy</dt><dd><code>--apply {}</code></dd></div>`, oneLine(e.Policy))
	if e.Budget != 0 {
		m.line(`<div><dt>Budget</dt><dd>{}</dd></div>`, seconds(e.Budget))
	}
	m.maybeLine(`<div><dt>Head</dt><dd><code>{}</code></dd></div>`, oneLine(e.Head))
	m.maybeLine(`<div><dt>Base</dt><dd><code>{}</code></dd></div>`, oneLine(e.Base))
	if r := p.Replay; r != nil {
		m.line(`<div><dt>Repeat</dt><dd><code>{}</code></dd></div>`, oneLine(r.Command))
		m.maybeLine(`<div><dt>Full command</dt><dd><code>regreen {}</code></dd></div>`, shellQuoted(r.Args))
		m.line(`<div><dt>Seed</dt><dd><code>{}</code></dd></div>`, strconv.FormatUint(r.Seed, 10))
		m.maybeLine(`<div><dt>Tree</dt><dd><code>{}</code></dd></div>`, oneLine(r.Tree))
		m.maybeLine(`<div><dt>Configuration</dt><dd>SHA-256 <code>{}</code></dd></div>`, oneLine(r.Config))
		m.put(`<div><dt>Built with</dt><dd>`)
		m.maybe(`{} on `, oneLine(r.Toolchain))
		m.line(`{}</dd></div>`, oneLine(r.System))
	}
	m.maybeLine(`<div><dt>Show</dt><dd><code>{}</code></dd></div>`, p.ShowCommand)
	m.maybeLine(`<div><dt>Skip the hook</dt><dd><code>{}</code></dd></div>`, p.SkipCommand)
	m.line(`</dl>`)
	if p.Replay != nil && len(p.Replay.Weights) > 0 {
		putWeights(m, p.Replay.Weights)
	}
}

func putWeights(m *htmlWriter, weights map[string]map[string]float64) {
	m.line(`<details><summary>Weights of the strategies</summary>`)
	m.line(`<table>`)
	m.line(`<caption>By kind of failure, drawn from what was learned</caption>`)
	m.line(`<thead><tr><th scope="col">Failure</th><th scope="col">Strategy</th><th scope="col" class="number">Weight</th></tr></thead>`)
	m.line(`<tbody>`)
	for _, kind := range byName(weights) {
		for _, strategy := range byName(weights[kind]) {
			m.line(`<tr><th scope="row">{}</th><td>{}</td><td class="number">{}</td></tr>`,
				oneLine(kind), oneLine(strategy), fmt.Sprintf("%.4f", weights[kind][strategy]))
		}
	}
	m.line(`</tbody>`)
	m.line(`</table>`)
	m.line(`</details>`)
}

func putDelivery(m *htmlWriter, p *htmlPage) {
	if len(p.Receipts) == 0 {
		return
	}
	m.line(`<table>`)
	m.line(`<caption>Deliveries of this report</caption>`)
	m.line(`<thead><tr><th scope="col">Channel</th><th scope="col">State</th><th scope="col">Outcome</th></tr></thead>`)
	m.line(`<tbody>`)
	for i := range p.Receipts {
		r := &p.Receipts[i]
		m.put(`<tr><th scope="row">{}</th><td><span class="badge {}">{}</span></td><td>`, oneLine(r.Channel), tone(string(r.State)), oneLine(string(r.State)))
		m.maybe(`<code>{}</code> `, oneLine(r.Where))
		m.put(`{}`, oneLine(r.Reason))
		for _, text := range r.Degraded {
			m.put(`<br>{}`, oneLine(text))
		}
		m.put(` <span class="quiet">`)
		if r.Tries > 1 {
			m.put(`{} tries, `, strconv.Itoa(r.Tries))
		}
		m.line(`{}</span></td></tr>`, seconds(r.Seconds))
	}
	m.line(`</tbody>`)
	m.line(`</table>`)
}
