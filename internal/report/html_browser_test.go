package report

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// browser is a browser for tests. Every test gets its own tab.
type browser struct{ context.Context }

// startBrowser starts headless Chromium. Without Chromium it skips the test; make setup
// installs it.
func startBrowser(t *testing.T) browser {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("chromium not found: install it with make setup or a package manager")
	}
	// Root and most containers have no sandbox, and the pages are our own.
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(program), chromedp.NoSandbox)
	ctx, stop := context.WithTimeout(context.Background(), 8*time.Minute)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("chromium does not start: %v", err)
	}
	return browser{ctx}
}

// tab is a page in the browser, with the errors that the browser reports.
type tab struct {
	*testing.T
	context.Context
	mu       sync.Mutex
	errors   []string
	requests []string
}

// open shows HTML in a tab of the given size, in pixels.
func (b browser) open(t *testing.T, page []byte, width, height int64, scheme string) *tab {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, page, 0o644); err != nil {
		t.Fatal(err)
	}
	tb := &tab{T: t}
	ctx, stop := chromedp.NewContext(b.Context, chromedp.WithListener(tb.listen))
	t.Cleanup(stop)
	tb.Context = ctx
	at := url.URL{Scheme: "file", Path: filepath.ToSlash(file)}
	tb.do(
		protocol(log.Enable, cdp.Empty{}), protocol(runtime.Enable, cdp.Empty{}), protocol(network.Enable, network.EnableParams{}),
		chromedp.EmulateViewport(width, height),
		protocol(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		}),
		chromedp.Navigate(at.String()),
	)
	return tb
}

// protocol wraps a command of the browser's protocol as an action.
func protocol[P any](c cdp.Command[P, cdp.Empty], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func (tb *tab) listen(event any) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded: // from the network and the security policy
		tb.errors = append(tb.errors, e.Entry.Text)
	case *runtime.EventConsoleAPICalled:
		tb.errors = append(tb.errors, fmt.Sprintf("console.%s", e.Type))
	case *runtime.EventExceptionThrown:
		tb.errors = append(tb.errors, e.ExceptionDetails.Text)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") {
			tb.requests = append(tb.requests, e.Request.URL)
		}
	}
}

func (tb *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	tb.Helper()
	if err := chromedp.Do(tb.Context, actions...); err != nil {
		tb.Fatal(err)
	}
}

// eval evaluates JavaScript, and waits for promises.
func eval[T any](tb *tab, script string, args ...any) T {
	tb.Helper()
	result, err := chromedp.Run(tb.Context, chromedp.Evaluate[T](fmt.Sprintf(script, args...), chromedp.EvalAwaitPromise))
	if err != nil {
		tb.Fatal(err)
	}
	return result
}

func (tb *tab) unfold() {
	tb.Helper()
	eval[chromedp.Void](tb, `document.querySelectorAll("details").forEach((d) => { d.open = true })`)
}

// checkQuiet fails if the browser reported errors or fetched anything except the page.
func (tb *tab) checkQuiet() {
	tb.Helper()
	eval[chromedp.Void](tb, `new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(null))))`)
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if len(tb.errors) > 0 {
		tb.Errorf("the browser reports errors: %q", tb.errors)
	}
	if len(tb.requests) != 1 {
		tb.Errorf("got requests %q, want one for the page", tb.requests)
	}
}

// column returns the texts of a column on the visible page of the table.
func (tb *tab) column(section string, n int) []string {
	tb.Helper()
	return eval[[]string](tb, `Array.from(document.querySelectorAll("#%s .sortable tbody tr"), (tr) => tr.cells[%d].textContent)`, section, n)
}

func (tb *tab) status(section string) string {
	tb.Helper()
	return eval[string](tb, `document.querySelector("#%s [role=status]").textContent`, section)
}

const (
	desktopWidth, desktopHeight = 1280, 800
	phoneWidth, phoneHeight     = 360, 740
)

// TestBrowser opens reports in a real browser.
func TestBrowser(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	t.Run("errors are reported", func(t *testing.T) {
		tb := b.open(t, []byte(`<meta http-equiv="Content-Security-Policy" content="default-src 'none'"><p style="color:red"><img src="http://127.0.0.1:1/">`), 400, 400, "light")
		tb.do(chromedp.Sleep(100 * time.Millisecond))
		tb.mu.Lock()
		defer tb.mu.Unlock()
		if len(tb.errors) < 2 {
			t.Errorf("got errors %q, want one about the style and one about the image", tb.errors)
		}
	})
	t.Run("every report", func(t *testing.T) { everyReport(t, b) })
	t.Run("sorting", func(t *testing.T) { sorting(t, b) })
	t.Run("filtering", func(t *testing.T) { filtering(t, b) })
	t.Run("paging", func(t *testing.T) { paging(t, b) })
	t.Run("keyboard", func(t *testing.T) { keyboard(t, b) })
	t.Run("large", func(t *testing.T) { large(t, b) })
	t.Run("accessible", func(t *testing.T) { accessible(t, b) })
	t.Run("screenshots", func(t *testing.T) { screenshots(t, b) })
}

// everyReport checks that no page has errors, requests anything else, or is wider than a
// phone.
func everyReport(t *testing.T, b browser) {
	all := map[string]*Report{"full": fullReport(), "hostile texts everywhere": reportWithAllTexts(strings.Join(hostile, " "))}
	for _, e := range examples {
		all[e.name] = e.make()
	}
	for name, r := range all {
		t.Run(name, func(t *testing.T) {
			tb := b.open(t, pageOf(t, r), phoneWidth, phoneHeight, "dark")
			for range 2 {
				if wide := eval[int](tb, `document.documentElement.scrollWidth`); wide > phoneWidth {
					t.Errorf("%d pixels wide, but the phone has %d", wide, phoneWidth)
				}
				tb.unfold()
			}
			background := eval[string](tb, `getComputedStyle(document.body).backgroundColor`)
			if background != "rgb(21, 24, 27)" {
				t.Errorf("got background %s in dark mode", background)
			}
			tb.checkQuiet()
		})
	}
}

// sorting checks that each column sorts in ascending, then in descending order.
func sorting(t *testing.T, b browser) {
	tb := b.open(t, pageOf(t, fullReport()), desktopWidth, desktopHeight, "light")
	for section, columns := range map[string]int{"search": 7, "tests": 6} {
		for n := range columns {
			button := fmt.Sprintf("#%s .sortable th:nth-child(%d) button", section, n+1)
			for _, direction := range []string{"ascending", "descending"} {
				tb.do(chromedp.Click(chromedp.CSS(button)))
				if got := eval[string](tb, `document.querySelector("#%s .sortable th:nth-child(%d)").ariaSort`, section, n+1); got != direction {
					t.Errorf("%s column %d: got aria-sort %q, want %q", section, n, got, direction)
				}
				if others := eval[int](tb, `document.querySelectorAll("#%s .sortable th:not([aria-sort=none])").length`, section); others != 1 {
					t.Errorf("%s column %d: %d columns are marked as sorted", section, n, others)
				}
				got := tb.column(section, n)
				if !slices.IsSortedFunc(got, func(a, b string) int {
					if direction == "descending" {
						a, b = b, a
					}
					return natural(a, b)
				}) {
					t.Errorf("%s column %d is not %s: %q", section, n, direction, got)
				}
			}
		}
	}
	tb.checkQuiet()
}

// natural compares texts, and numbers in them by value.
func natural(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	split := func(s string) (text string, number int, rest string) {
		at := strings.IndexAny(s, "0123456789")
		if at < 0 {
			return s, -1, ""
		}
		end := at
		for end < len(s) && '0' <= s[end] && s[end] <= '9' {
			number = number*10 + int(s[end]-'0')
			end++
		}
		return s[:at], number, s[end:]
	}
	for a != "" && b != "" {
		textA, numberA, restA := split(a)
		textB, numberB, restB := split(b)
		if c := cmp.Or(cmp.Compare(textA, textB), cmp.Compare(numberA, numberB)); c != 0 {
			return c
		}
		a, b = restA, restB
	}
	return cmp.Compare(len(a), len(b))
}

// filtering checks that the rows with all words of the filter stay, and that their count is shown.
func filtering(t *testing.T, b browser) {
	r := fullReport()
	tb := b.open(t, pageOf(t, r), desktopWidth, desktopHeight, "light")
	if got := tb.status("search"); got != "126 attempts" {
		t.Errorf("got status %q", got)
	}
	want := tally(r.Attempts, func(a Attempt) bool { return a.Verdict == AttemptRejected && a.Strategy == "template/guard" })
	tb.do(chromedp.SendKeys(chromedp.CSS("#search input"), " Guard  rejected"))
	if got := tb.status("search"); got != fmt.Sprintf("%d of 126 attempts", want) {
		t.Errorf("got status %q, want %d", got, want)
	}
	for _, strategy := range tb.column("search", 1) {
		if strategy != "template/guard" {
			t.Errorf("a row of strategy %s remains", strategy)
		}
	}
	tb.do(chromedp.Click(chromedp.CSS("#search .sortable th:nth-child(5) button")))
	if got := tb.status("search"); got != fmt.Sprintf("%d of 126 attempts", want) {
		t.Errorf("got status %q after sorting, want %d", got, want)
	}
	tb.do(chromedp.SendKeys(chromedp.CSS("#tests input"), "no such test"))
	if got := tb.status("tests"); got != "0 of 230 tests" || len(tb.column("tests", 0)) != 0 {
		t.Errorf("got status %q and rows %q", got, tb.column("tests", 0))
	}
	tb.checkQuiet()
}

// paging checks that every test is on one of the pages.
func paging(t *testing.T, b browser) {
	r := fullReport()
	tb := b.open(t, pageOf(t, r), desktopWidth, desktopHeight, "light")
	var got, want []string
	for _, res := range r.Results {
		want = append(want, fmt.Sprint(res.Status, res.Test, res.Package, fmt.Sprintf("%.3f", res.Seconds), res.Tries, place(res.File, res.Line)))
	}
	for page := 1; page <= 10; page++ {
		if text := eval[string](tb, `document.querySelector("#tests .pages span").textContent`); text != fmt.Sprintf("Page %d of 10", page) {
			t.Fatalf("got %q on page %d", text, page)
		}
		got = append(got, eval[[]string](tb, `Array.from(document.querySelectorAll("#tests .sortable tbody tr"), (tr) => Array.from(tr.cells, (c) => c.textContent).join(""))`)...)
		tb.do(chromedp.Click(chromedp.CSS("#tests .pages button:last-child"))) // does nothing on the last page
	}
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], " ", "")
	}
	if !slices.Equal(got, want) {
		t.Errorf("got rows %q", got)
	}
	tb.checkQuiet()
}

// keyboard checks that everything works without a mouse.
func keyboard(t *testing.T, b browser) {
	tb := b.open(t, pageOf(t, fullReport()), desktopWidth, desktopHeight, "light")
	tb.do(chromedp.KeyEvent(kb.Tab))
	if got := eval[string](tb, `document.activeElement.className`); got != "skip" {
		t.Errorf("the first element with focus is %q, want the skip link", got)
	}
	if outline := eval[string](tb, `getComputedStyle(document.activeElement).outlineStyle`); outline != "solid" {
		t.Errorf("got outline %q: the focus is invisible", outline)
	}
	tb.do(chromedp.KeyEvent(kb.Enter))
	if got := eval[string](tb, `document.activeElement.id`); got != "main" {
		t.Errorf("the skip link leads to %q", got)
	}
	tb.do(chromedp.Focus(chromedp.CSS("#search .sortable th:nth-child(5) button")), chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(" "))
	if got := tb.column("search", 4); len(got) == 0 || got[0] != "6.500" {
		t.Errorf("got seconds %q, want the longest first", got)
	}
	tb.do(chromedp.Focus(chromedp.CSS("#tests .pages button:last-child")), chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Enter))
	if got := eval[string](tb, `document.querySelector("#tests .pages span").textContent`); got != "Page 3 of 10" {
		t.Errorf("got %q after turning two pages", got)
	}
	for range 20 {
		tb.do(chromedp.KeyEvent(kb.Enter))
	}
	if got := eval[string](tb, `document.activeElement.textContent`); got != "Next" {
		t.Errorf("the last page moved the focus to %q", got)
	}
	tb.do(chromedp.Focus(chromedp.CSS(".cause details summary")), chromedp.KeyEvent(kb.Enter))
	if !eval[bool](tb, `document.querySelector(".cause details").open`) {
		t.Error("the output of a failing test does not unfold")
	}
	tb.checkQuiet()
}

// large checks that 50,000 tests stay usable.
func large(t *testing.T, b browser) {
	r := fullReport()
	r.Results = manyResults(50_000)
	start := time.Now()
	tb := b.open(t, pageOf(t, r), desktopWidth, desktopHeight, "light")
	t.Logf("open after %v", time.Since(start))
	start = time.Now()
	tb.do(chromedp.SendKeys(chromedp.CSS("#tests input"), "failed"))
	if got := tb.status("tests"); got != "500 of 50,000 tests" {
		t.Errorf("got status %q", got)
	}
	tb.do(chromedp.Click(chromedp.CSS("#tests .sortable th:nth-child(4) button")))
	t.Logf("filtered and sorted after %v", time.Since(start))
	tb.checkQuiet()
}

// accessible checks the page with axe-core, in light and dark mode.
func accessible(t *testing.T, b browser) {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "regreen", "axe-core")
	if out, err := exec.Command("sh", filepath.Join("..", "..", "scripts", "axe.sh"), dir).CombinedOutput(); err != nil {
		t.Skipf("axe-core cannot be fetched: %s", out)
	}
	axe, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	faults := func(r *Report, width int64, scheme string) []string {
		tb := b.open(t, pageOf(t, r), width, desktopHeight, scheme)
		tb.unfold()
		tb.do(chromedp.Evaluate[chromedp.Void](string(axe)))
		return eval[[]string](tb, runAxe)
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{desktopWidth, phoneWidth} {
			for _, fault := range faults(fullReport(), width, scheme) {
				t.Errorf("%s, %d pixels: %s", scheme, width, fault)
			}
		}
	}
	for _, fault := range faults(notRunReport(), desktopWidth, "light") {
		t.Errorf("not run: %s", fault)
	}
	// axe-core must find faults in a broken page.
	tb := b.open(t, bytes.Replace(pageOf(t, fullReport()), []byte(`<html lang="en">`), []byte(`<html>`), 1), desktopWidth, desktopHeight, "light")
	tb.do(chromedp.Evaluate[chromedp.Void](string(axe)), chromedp.Evaluate[chromedp.Void](`document.documentElement.style.setProperty("--quiet", "#aaaaaa")`))
	if got := strings.Join(eval[[]string](tb, runAxe), "\n"); !strings.Contains(got, "html-has-lang") || !strings.Contains(got, "color-contrast") {
		t.Errorf("got faults %q, want some about the language and the contrast", got)
	}
}

// runAxe runs axe-core: WCAG 2 up to AA, and the best practices for landmarks and headings.
// On a desktop, undecided contrast is a fault too, unless the text is only a mark (✓). On a
// phone, text outside the visible part of a wide table is undecided.
const runAxe = `axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then(({ violations, incomplete }) => {
	const faults = (findings) => findings.flatMap((f) => f.nodes.map((n) => ({ why: n.any[0]?.data?.messageKey, text: f.id + ", " + f.help + ": " + n.html })));
	const undecided = faults(incomplete.filter((f) => f.id === "color-contrast" && innerWidth > 1000));
	return faults(violations).concat(undecided.filter((f) => f.why !== "nonBmp")).map((f) => f.text + " " + f.why);
})`

// screenshots writes screenshots for humans to the directory in $REGREEN_SCREENSHOTS.
func screenshots(t *testing.T, b browser) {
	dir := os.Getenv("REGREEN_SCREENSHOTS")
	if dir == "" {
		t.Skip("REGREEN_SCREENSHOTS is not set to a directory")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*Report{"proposed": proposedReport(), "full": fullReport()} {
		for device, width := range map[string]int64{"desktop": desktopWidth, "phone": phoneWidth} {
			for _, scheme := range []string{"light", "dark"} {
				tb := b.open(t, pageOf(t, r), width, desktopHeight, scheme)
				for part, shot := range map[string]chromedp.Action[[]byte]{"first": chromedp.CaptureScreenshot(), "whole": chromedp.FullScreenshot(100)} {
					png, err := chromedp.Run(tb.Context, shot)
					if err != nil {
						t.Fatal(err)
					}
					file := filepath.Join(dir, fmt.Sprintf("%s-%s-%s-%s.png", name, device, scheme, part))
					if err := os.WriteFile(file, png, 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}
