package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
	"sync"

	"github.com/regreen-ci/regreen/internal/plural"
)

// HTML writes the report as one self-contained page. It needs no network, and its only
// script sorts, filters and pages the long tables. It supports light and dark mode, phones
// and screen readers. Without the script everything is readable except the table of all
// tests, and the page says so. The same report produces the same bytes. Text from tests,
// code and models has no effect except as text. HTML returns the error of w.
func HTML(w io.Writer, r *Report) error {
	p, m := newHTMLPage(r), &htmlWriter{}
	for _, s := range htmlSections {
		body := &htmlWriter{}
		if s.write(body, p); !body.empty() {
			p.Sections = append(p.Sections, htmlSection{s.id, s.title, body})
		}
	}
	putHead(m, p)
	putVerdict(m, p)
	for _, s := range p.Sections {
		m.line(`<section id="{}" aria-labelledby="{}-title">`, s.ID, s.ID)
		m.line(`<h2 id="{}-title">{}</h2>`, s.ID, s.Title)
		m.line(`<div class="body">`)
		m.add(s.Body)
		m.line(`</div>`)
		m.line(`</section>`)
	}
	putFoot(m, p)
	return m.to(w)
}

// htmlSection is a part of the page under a heading of its own.
type htmlSection struct {
	ID, Title string
	Body      *htmlWriter
}

// htmlSections lists the sections below the verdict, in order. Empty sections are left out,
// and so are their links.
var htmlSections = []struct {
	id, title string
	write     func(*htmlWriter, *htmlPage)
}{
	{"problem", "Problem", putProblem},
	{"failures", "Failures", putFailures},
	{"alerts", "Alerts", putAlerts},
	{"others", "Known and flaky", putKnownAndFlaky},
	{"origin", "Origin", putOrigin},
	{"not-done", "Not done", putNotDone},
	{"search", "Search", putSearch},
	{"time", "Time", putTime},
	{"learning", "Learning", putLearning},
	{"tests", "All tests", putTests},
	{"run", "This run", putRun},
	{"delivery", "Delivery", putDelivery},
}

var (
	//go:embed html/report.css
	htmlStyle string
	//go:embed html/report.js
	htmlScript string
)

// htmlPolicy allows the page's own style and script, by their hashes.
var htmlPolicy = sync.OnceValue(func() string {
	return fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'",
		sourceHash(htmlStyle), sourceHash(htmlScript))
})

func putHead(m *htmlWriter, p *htmlPage) {
	m.line(`<!doctype html>`)
	m.line(`<html lang="en">`)
	m.line(`<head>`)
	m.line(`<meta charset="utf-8">`)
	m.line(`<meta name="viewport" content="width=device-width, initial-scale=1">`)
	m.line(`<meta http-equiv="Content-Security-Policy" content="{}">`, htmlPolicy())
	m.line(`<meta name="referrer" content="no-referrer">`)
	m.line(`<meta name="color-scheme" content="light dark">`)
	m.line(`<title>{} {} · regreen</title>`, pick(p.Passes, "✓", "✗"), p.Title)
	if p.Passes {
		m.line(`<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%231a7f47'/%3E%3C/svg%3E">`)
	} else {
		m.line(`<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%23c4342b'/%3E%3C/svg%3E">`)
	}
	m.put(`<style>`)
	m.verbatim(literal(htmlStyle))
	m.line(`</style>`)
	m.line(`</head>`)
	m.line(`<body>`)
	m.line(`<a class="skip" href="#main">Skip to the report</a>`)
	m.line(`<header>`)
	m.put(`<p><b>regreen</b> <span>{}`, oneLine(p.ID))
	if at := p.Started.UTC(); !at.IsZero() {
		m.put(`, <time datetime="{}">{}</time>`, at.Format("2006-01-02T15:04:05Z"), at.Format("2 January 2006, 15:04 UTC"))
	}
	m.line(`</span></p>`)
	m.line(`<nav aria-label="Sections">`)
	m.line(`<ul>`)
	for _, s := range p.Sections {
		m.line(`<li><a href="#{}">{}</a></li>`, s.ID, s.Title)
	}
	m.line(`</ul>`)
	m.line(`</nav>`)
	m.line(`</header>`)
	m.line(`<main id="main" tabindex="-1">`)
}

func putVerdict(m *htmlWriter, p *htmlPage) {
	verdict, e := string(p.Verdict), &p.Environment
	m.line(`<div class="verdict">`)
	m.line(`<p class="word"><span class="badge {}">{} {}</span></p>`, tone(verdict), pick(p.Passes, "✓", "✗"), oneLine(verdict))
	m.line(`<h1>{}</h1>`, p.Title)
	m.put(`<p class="context">`)
	m.maybe(`<code>{}</code>`, oneLine(p.Command))
	m.maybe(` at <code>{}</code>`, commit(e.Head))
	m.maybe(` on <code>{}</code>`, oneLine(e.Branch))
	m.maybe(` compared with <code>{}</code>`, commit(e.Base))
	m.line(`</p>`)
	m.put(`<p class="context quiet">{} mode`, oneLine(e.Mode))
	if len(e.ModeReasons) > 0 {
		m.put(`: {}`, joinLines(e.ModeReasons, ", "))
	}
	m.line(`</p>`)
	if p.Verdict != NotRun {
		m.line(`<dl class="figures">`)
		m.line(`<div><dt>passed</dt><dd>{}</dd></div>`, plural.Thousands(p.Tests.Passed))
		if p.Tests.Failed != 0 {
			m.put(`<div class="bad">`)
		} else {
			m.put(`<div>`)
		}
		m.line(`<dt>failed</dt><dd>{}</dd></div>`, plural.Thousands(p.Tests.Failed))
		m.line(`<div><dt>skipped</dt><dd>{}</dd></div>`, plural.Thousands(p.Tests.Skipped))
		m.line(`<div><dt>packages</dt><dd>{}</dd></div>`, plural.Thousands(p.Tests.Packages))
		m.maybeLine(`<div><dt>total time</dt><dd>{}</dd></div>`, p.Took)
		m.line(`</dl>`)
	}
	m.line(`</div>`)
}

func putFoot(m *htmlWriter, p *htmlPage) {
	m.line(`</main>`)
	m.line(`<footer>`)
	m.put(`<p>regreen {}, {}. This page needs no network`, oneLine(p.Version), oneLine(p.Schema))
	m.maybe(`; <code>{}</code> shows it in a terminal`, p.ShowCommand)
	m.line(`.</p>`)
	m.line(`</footer>`)
	m.put(`<script>`)
	m.verbatim(literal(htmlScript))
	m.line(`</script>`)
	m.line(`</body>`)
	m.line(`</html>`)
}

// sourceHash returns the hash of an inline style or script for a content security policy.
func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// tone returns the CSS class for a verdict, state or level.
func tone(state string) string {
	switch state {
	case string(Green), string(Known), string(Fixed), string(PatchVerified), string(ReceiptSent):
		return "good"
	case string(Flaky), string(PatchPlausible), string(PatchRefused), string(ReceiptSkipped), string(LevelWarning):
		return "warn"
	case string(Proposed), string(Partial), string(Red), string(NotRun), string(ReceiptFailed), string(LevelError):
		return "bad"
	}
	return "plain"
}
