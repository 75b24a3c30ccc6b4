package report

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
)

// HTML writes the report as one page that needs nothing but itself: no network, and
// no script but its own, which sorts, filters and pages the long tables. It is for
// light and dark, for phones and screen readers. Without scripts everything can be
// read but the table of all tests, and the page says so. The same report gives the
// same bytes. Text from tests, code and models is text in it, nothing else.
// The error is that of w.
func HTML(w io.Writer, r *Report) error {
	p := newHTMLPage(r)
	var page bytes.Buffer
	for _, s := range htmlSections {
		page.Reset()
		if err := htmlTemplates().ExecuteTemplate(&page, s.ID, p); err != nil {
			return fmt.Errorf("report %s: %w", r.ID, err)
		}
		if body := strings.TrimSpace(page.String()); body != "" {
			s.Body = template.HTML(body) // escaped by its template
			p.Sections = append(p.Sections, s)
		}
	}
	page.Reset()
	if err := htmlTemplates().ExecuteTemplate(&page, "report.html", p); err != nil {
		return fmt.Errorf("report %s: %w", r.ID, err)
	}
	_, err := w.Write(page.Bytes())
	return err
}

// htmlSection is a part of the page under a heading of its own.
type htmlSection struct {
	ID, Title string // ID is the name of its template too
	Body      template.HTML
}

// htmlSections is the page in the order of reading, below the verdict. A section with
// nothing to say is left out, of the list of contents too.
var htmlSections = []htmlSection{
	{ID: "problem", Title: "Problem"},
	{ID: "failures", Title: "Failures"},
	{ID: "alerts", Title: "Alerts"},
	{ID: "others", Title: "Known and flaky"},
	{ID: "origin", Title: "Where from"},
	{ID: "undone", Title: "Not done"},
	{ID: "search", Title: "Search"},
	{ID: "time", Title: "Time"},
	{ID: "learning", Title: "Learning"},
	{ID: "tests", Title: "All tests"},
	{ID: "run", Title: "This run"},
	{ID: "delivery", Title: "Delivery"},
}

//go:embed html/*.html
var htmlFiles embed.FS

var (
	//go:embed html/report.css
	htmlStyle string
	//go:embed html/report.js
	htmlScript string
)

// htmlTemplates are parsed when the first page is made, not when the program starts.
var htmlTemplates = sync.OnceValue(func() *template.Template {
	policy := fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'",
		sourceHash(htmlStyle), sourceHash(htmlScript))
	return template.Must(template.New("").Funcs(template.FuncMap{
		"policy":    func() string { return policy },
		"style":     func() template.CSS { return template.CSS(htmlStyle) },
		"script":    func() template.JS { return template.JS(htmlScript) },
		"line":      oneLine,
		"count":     count,
		"thousands": thousands,
		"seconds":   seconds,
		"commit":    commit,
		"place":     place,
		"places":    places,
		"tail":      func(output string) string { return strings.Join(lastLines(output, outputLines), "\n") },
		"told":      (*Origin).text,
		"undo":      (*Origin).undo,
		"how":       (*Culprit).how,
		"tallies":   (*Stats).tallies,
		"tone":      tone,
		"typable":   typable,
		"typed":     typed,
	}).ParseFS(htmlFiles, "html/*.html"))
})

// sourceHash names an inline style or script in a content security policy.
func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// tone is the class for a verdict, state or level: how good the news is.
func tone(state string) string {
	switch state {
	case string(Green), string(Known), string(Fixed), "verified", "sent":
		return "good"
	case string(Flaky), "plausible", "refused", "skipped", "warning":
		return "warn"
	case string(Proposed), string(Partial), string(Red), string(NotRun), "failed", "error":
		return "bad"
	}
	return "plain"
}
