package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

func pageOf(t testing.TB, r *Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestHTMLGolden compares the page, with style and script, with a golden file.
func TestHTMLGolden(t *testing.T) {
	t.Parallel()
	golden(t, "proposed.html", pageOf(t, proposedReport()))
}

// What a page consists of. Anything else came from untrusted text.
var (
	ownElements = strings.Fields(`html head meta title link style body a header p b span time nav ul li main section h1 h2 h3 h4 div dl dt dd code footer
		script article br pre details summary svg rect circle g desc table caption thead tbody tr th td noscript label input button mark figure figcaption`)
	ownAttributes = strings.Fields(`lang charset name content http-equiv rel href class id tabindex datetime aria-label aria-labelledby role aria-hidden scope open
		viewbox preserveaspectratio x y width height cx cy r type data-name data-rows hidden autocomplete spellcheck`)
	voidElements = strings.Fields("meta link br input")
)

// page is a parsed page.
type page struct {
	text   string   // outside scripts and styles
	code   []string // scripts and styles
	data   string   // of the tables
	policy string
	ids    []string
	links  []string // references to IDs
}

// readPage parses a page, and fails on anything that this package does not write. Unlike a
// browser, it requires that every element is closed properly.
func readPage(t interface{ Fatalf(string, ...any) }, b []byte) page {
	if i := bytes.IndexFunc(b, isActive); i >= 0 || !bytes.Equal(b, bytes.ToValidUTF8(b, nil)) {
		t.Fatalf("control character or invalid UTF-8 at %d", i)
	}
	var p page
	var text strings.Builder
	open := []string{""}
	isData := false
	for tokens := html.NewTokenizer(bytes.NewReader(b)); tokens.Next() != html.ErrorToken; {
		token := tokens.Token()
		in := open[len(open)-1]
		switch token.Type {
		case html.CommentToken:
			t.Fatalf("a comment: %.80q", token.Data)
		case html.TextToken:
			switch {
			case isData:
				p.data = token.Data
			case in == "script" || in == "style":
				p.code = append(p.code, token.Data)
			default:
				text.WriteString(token.Data)
			}
		case html.EndTagToken:
			if in != token.Data {
				t.Fatalf("</%s> ends <%s>", token.Data, in)
			}
			open, isData = open[:len(open)-1], false
		case html.StartTagToken, html.SelfClosingTagToken:
			if !slices.Contains(ownElements, token.Data) {
				t.Fatalf("an element %s", token)
			}
			p.attributes(t, token)
			isData = slices.Contains(token.Attr, html.Attribute{Key: "type", Val: "application/json"})
			if token.Type == html.StartTagToken && !slices.Contains(voidElements, token.Data) {
				open = append(open, token.Data)
			}
		}
	}
	if len(open) != 1 {
		t.Fatalf("not closed: %q", open)
	}
	p.text = text.String()
	return p
}

func (p *page) attributes(t interface{ Fatalf(string, ...any) }, token html.Token) {
	for _, a := range token.Attr {
		switch {
		case !slices.Contains(ownAttributes, a.Key):
			t.Fatalf("an attribute %s of %s", a.Key, token)
		case a.Key == "href" && token.Data == "link":
			if !strings.HasPrefix(a.Val, "data:image/svg+xml,") {
				t.Fatalf("an icon from %s", a.Val)
			}
		case a.Key == "href":
			p.links = append(p.links, strings.TrimPrefix(a.Val, "#"))
		case a.Key == "aria-labelledby":
			p.links = append(p.links, strings.Fields(a.Val)...)
		case a.Key == "id":
			p.ids = append(p.ids, a.Val)
		case a.Key == "content" && strings.HasPrefix(a.Val, "default-src"):
			p.policy = a.Val
		}
	}
}

// checkPage parses the page of a report, and checks what HTML promises.
func checkPage(t interface{ Fatalf(string, ...any) }, r *Report) page {
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatalf("%v", err)
	}
	p := readPage(t, b.Bytes())
	if want := []string{htmlStyle, htmlScript}; !slices.Equal(p.code, want) {
		t.Fatalf("the page has %d styles and scripts, or other ones", len(p.code))
	}
	if want := fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'", sourceHash(p.code[0]), sourceHash(p.code[1])); p.policy != want {
		t.Fatalf("got policy %q, want %q", p.policy, want)
	}
	for i, id := range p.ids {
		if slices.Contains(p.ids[:i], id) {
			t.Fatalf("two elements %q", id)
		}
	}
	for _, id := range p.links {
		if !slices.Contains(p.ids, id) {
			t.Fatalf("a link to %q, which does not exist", id)
		}
	}
	for i := range r.Failures {
		if name := r.Failures[i].name(); !strings.Contains(p.text, name) {
			t.Fatalf("the failure %q is not on the page", name)
		}
	}
	p.results(t, r.Results)
	var again bytes.Buffer
	if err := HTML(&again, r); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Fatalf("written twice, differs (%v)", err)
	}
	return p
}

// results checks that the script gets every result unchanged.
func (p *page) results(t interface{ Fatalf(string, ...any) }, results []Result) {
	if len(results) == 0 {
		return
	}
	if strings.ContainsAny(p.data, "<>&\u2028\u2029") {
		t.Fatalf("the data has unescaped characters: %q", p.data)
	}
	var data struct {
		Statuses, Packages, Files []string
		Rows                      [][]any
	}
	if err := json.Unmarshal([]byte(p.data), &data); err != nil {
		t.Fatalf("%v in %q", err, p.data)
	}
	if len(data.Rows) != len(results) || data.Files[0] != "" {
		t.Fatalf("%d rows of %d results, and file 0 is %q, want an empty name", len(data.Rows), len(results), data.Files[0])
	}
	for i, want := range results {
		row := data.Rows[i]
		number := func(n int) int {
			if n >= len(row) {
				return 0
			}
			return int(row[n].(float64))
		}
		got := Result{
			Package: data.Packages[number(0)], Test: row[1].(string), Status: ResultStatus(data.Statuses[number(2)]), Seconds: float64(number(3)) / 1000,
			Line: number(4), File: data.Files[number(5)], Tries: number(6),
		}
		want.Package, want.Test, want.Status, want.File = oneLine(want.Package), oneLine(want.Test), ResultStatus(oneLine(string(want.Status))), oneLine(want.File)
		want.Seconds = math.Round(want.Seconds*1000) / 1000
		if got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}
}

// TestHTML checks the pages of arbitrary reports.
func TestHTML(t *testing.T) {
	t.Parallel()
	checkPage(t, &Report{})
	rapid.Check(t, func(t *rapid.T) { checkPage(t, reports().Draw(t, "report")) })
}

// FuzzHTML checks that no text has an effect, wherever it is.
func FuzzHTML(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkPage(t, reportWith(text))
		checkPage(t, reportWithAllTexts(text))
	})
}

// TestReadPage checks the helper.
func TestReadPage(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"<img>", "<p onclick=x>a</p>", "<p style=x>a</p>", "<p>a", "a</p>", "<p>a</b></p>", "<!-- -->", "\u202e", "\xff", "<link href=http://x>"} {
		failed := false
		func() {
			defer func() { failed = recover() != nil }()
			readPage(fatal{}, []byte(bad))
		}()
		if !failed {
			t.Errorf("readPage accepts %q", bad)
		}
	}
}

// fatal fails by a panic.
type fatal struct{}

func (fatal) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// TestHTMLContent checks the content of each section.
func TestHTMLContent(t *testing.T) {
	t.Parallel()
	text := strings.Join(strings.Fields(checkPage(t, fullReport()).text), " ")
	for _, want := range []string{
		"9 new failures, verified patches for 1 of 2 causes", "go test ./... at 9b1f0c2d7a on retry-budget compared with 4e8d21b07c",
		"production mode: GITHUB_ACTIONS is set",
		"3 recent commits skipped the tests", "regreen status shows which",
		"Cause 1 of 2 integer divide by zero", "repaired", "Cause 2 of 2 undefined: retry.Backoff", "still red", "No patch found",
		"Apply regreen apply p-3f2a", "s.Weight)", "Confidence 0.91", "12 of 14 similar patches kept the other patch changes the same lines",
		"repeats3 of 3 runs pass1.2 s", "Without the patch1,19953", "With the patch4 unaffected packages skipped1,20133", "1 other patch",
		"3 known or flaky tests", "TestDrain flaky",
		"Introduced in 9b1f0c2d7a6e stats: weigh", "(4 of 9 commits tested)", "Revert git revert 9b1f0c2d7a6e", "smallest change that fails (may not be minimal), 7 subsets tried",
		"The race detector did not run", "untested commit 77aa31c09e5d wip (made with --no-verify)",
		"41 candidates", "type-check", "TestMean/empty: got 119ns, want 0s",
		"validate6.4 s44 %", "template/guard84 % (76 to 91 %)84 % (76 to 91 %)Beta(31.5, 6.2)", "42 of the last 67 searches found a verified patch (since 2026-01-05)",
		"230 tests: 227 passed, 3 failed.", "which is disabled",
		"pull_request on github", "regreen replay 20260302-091512-k7", "regreen fix --apply never --budget 1m0s --seed 1", "go1.26.8 on linux/amd64",
		"revert0.0510", "https://chat.example/hooks/7", "left out to fit 3,000 characters", "mail.example:587 does not answer",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	text = checkPage(t, notRunReport()).text
	for _, want := range []string{"not run: the go command is not installed", "executable file not found", "Hint: install Go 1.26"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page of a run without tests does not say %q", want)
		}
	}
}

// TestHTMLOutputIsBounded checks that the page limits output and says so.
func TestHTMLOutputIsBounded(t *testing.T) {
	t.Parallel()
	r := proposedReport()
	line := strings.Repeat("x", 900) + "\n"
	for i := range 60 {
		f := r.Failures[0]
		f.Test, f.Output = fmt.Sprintf("TestLoud%d", i), strings.Repeat(line, 100)
		r.Failures = append(r.Failures, f)
	}
	page := pageOf(t, r)
	if len(page) > outputRoom+200_000 {
		t.Errorf("a page of %d bytes", len(page))
	}
	if !bytes.Contains(page, []byte("90,100 bytes of output omitted")) {
		t.Error("the page does not say how much output is omitted")
	}
}

// hugeReport returns the largest report that HTML has to support.
func hugeReport() *Report {
	r := fullReport()
	r.Results = manyResults(50_000)
	for len(r.Attempts) < 2000 {
		r.Attempts = append(r.Attempts, r.Attempts[:100]...)
	}
	return r
}

// TestHTMLSize is not parallel, because it measures the memory of the process.
func TestHTMLSize(t *testing.T) {
	b := pageOf(t, hugeReport())
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	if memory.HeapSys > 300<<20 {
		t.Errorf("%d MiB of memory, more than 300", memory.HeapSys>>20)
	}
	if len(b) > 4<<20 {
		t.Errorf("a page of %d bytes", len(b))
	}
}

func BenchmarkHTML(b *testing.B) {
	r := hugeReport()
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(pageOf(b, r))))
	}
}

func TestBelief(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ alpha, beta, mean, low, high float64 }{
		{1, 1, 0.5, 0.1, 0.9},
		{2, 3, 0.4, 0.142559, 0.679539}, // from qbeta in R
		{1, 4, 0.2, 1 - math.Pow(0.9, 0.25), 1 - math.Pow(0.1, 0.25)},
		{0, 0, 0.5, 0, 1},
		{math.NaN(), 1, 0.5, 0, 1},
		{-1, 1, 0.5, 0, 1},
	} {
		mean, low, high := belief(c.alpha, c.beta)
		for _, d := range []float64{mean - c.mean, low - c.low, high - c.high} {
			if !(math.Abs(d) < 1e-5) {
				t.Errorf("Beta(%v, %v): got %v (%v to %v), want %v (%v to %v)", c.alpha, c.beta, mean, low, high, c.mean, c.low, c.high)
				break
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		any := rapid.Float64()
		mean, low, high := belief(any.Draw(t, "alpha"), any.Draw(t, "beta"))
		if !(0 <= low && low <= high && high <= 1 && 0 <= mean && mean <= 1) {
			t.Fatalf("got %v (%v to %v)", mean, low, high)
		}
	})
}

// TestBar checks that nothing is drawn outside a chart.
func TestBar(t *testing.T) {
	t.Parallel()
	if got, want := newBar(1, 2, 8), (bar{12.5, 25}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		any := rapid.Float64()
		b := newBar(any.Draw(t, "from"), any.Draw(t, "size"), any.Draw(t, "whole"))
		if !(0 <= b.From && 0 <= b.Width && b.From+b.Width <= 100.001) {
			t.Fatalf("got %v", b)
		}
	})
}
