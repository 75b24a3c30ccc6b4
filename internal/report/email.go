package report

import (
	"cmp"
	"fmt"
	"html"
	"strings"

	"github.com/regreen-ci/regreen/internal/plural"
)

// An email says what fails, which patch fixes it, and what to type. It has no scripts, no
// images and no links except the one to the run.

// EmailOptions holds what an email says in addition to the report.
type EmailOptions struct {
	Repository string // owner/name, or another name
	Link       string // to the page of the run, if it has one
}

// emailSize is the limit for the HTML, in bytes. Gmail clips at 102 KiB.
const emailSize = 96 << 10

// EmailSubject returns the subject of an email about r, one clean line of at most 160
// columns: "[fleet] proposed: 2 new failures, a verified patch is ready (main)".
func EmailSubject(r *Report, opt EmailOptions) string {
	s := string(r.Verdict) + ": " + headline(r)
	if name := cut(oneLine(opt.Repository), 40); name != "" {
		s = "[" + name + "] " + s
	}
	if branch := cut(oneLine(r.Environment.Branch), 40); branch != "" {
		s = cut(s, 115) + " (" + branch + ")"
	}
	return cut(s, 160)
}

// EmailText returns the report as the plain text of an email.
func EmailText(r *Report, opt EmailOptions) (string, error) {
	var b strings.Builder
	if err := Terminal(&b, r, TerminalOptions{Width: 78}); err != nil {
		return "", err
	}
	if link := cut(oneLine(opt.Link), maxSpan); link != "" {
		b.WriteString("\nRun: " + link + "\n")
	}
	return b.String(), nil
}

// EmailHTML returns the report as the HTML of an email of less than 96 KiB. From a longer
// report it leaves out whole parts, the least important first, and says so at the end.
func EmailHTML(r *Report, opt EmailOptions) string {
	color := "#b42318"
	if r.passes() {
		color = "#067647"
	}
	head := fmt.Sprintf(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>%s</title></head>
<body style="margin:0;padding:16px;font:15px/1.5 -apple-system,'Segoe UI',Helvetica,Arial,sans-serif;color:#1d2939;background:#ffffff;overflow-wrap:anywhere">
<h1 style="font-size:18px;margin:0 0 12px;padding-left:10px;border-left:4px solid %s">%s</h1>
`, esc(EmailSubject(r, opt)), color, esc(title(r)))
	const tail = "</body></html>\n"
	rest := ""
	if typable(r.ID) {
		rest = " " + emailCommand("regreen report "+r.ID) + " shows everything."
	}
	return head + fitted(emailSections(r, opt), emailSize-len(head)-len(tail), rest) + tail
}

// fitted is fit, with the note on what was left out as a paragraph.
func fitted(sections []section, size int, rest string) string {
	text := fit(sections, size-len(emailNote("")), rest)
	body, note, cut := strings.Cut(text, leftOutMark)
	if cut {
		return body + emailNote(strings.TrimSuffix(leftOutMark[1:]+note, "\n"))
	}
	return body
}

// leftOutMark is the start of the text from leftOut. No section contains it, because each
// of their lines starts with a tag.
const leftOutMark = "\nLeft out to fit: "

func emailNote(text string) string {
	return `<p style="margin:12px 0;color:#475467">` + text + "</p>\n"
}

func emailSections(r *Report, opt EmailOptions) []section {
	all := r.stories()
	out := []section{optional("context line", 3, emailContext(r, opt)), emailProblem(r.Problem), emailFailures(r, all), emailOthers(r)}
	for _, s := range all {
		if s.best != nil {
			out = append(out, emailPatch(r, s.best))
		}
	}
	return append(out, emailList("alert", 2, "Alerts", alertTexts(r)), emailList("note", 5, "Not done", r.notDone()))
}

func emailContext(r *Report, opt EmailOptions) string {
	text := emailCode(r.Command)
	for _, part := range []struct{ word, value string }{
		{"at", commit(r.Environment.Head)},
		{"on", r.Environment.Branch},
		{"in", opt.Repository},
		{"compared with", commit(r.Environment.Base)},
	} {
		if c := emailCode(part.value); c != "" {
			text = strings.TrimSpace(text + " " + part.word + " " + c)
		}
	}
	if strings.HasPrefix(opt.Link, "https://") || strings.HasPrefix(opt.Link, "http://") {
		text += fmt.Sprintf(` &middot; <a href="%s" style="color:#175cd3">run</a>`, html.EscapeString(opt.Link))
	}
	if text == "" {
		return ""
	}
	return emailNote(text)
}

func emailProblem(p *Problem) section {
	if p == nil {
		return optional("problem", 0, "")
	}
	head := ""
	if where := emailCode(p.Where); where != "" {
		head += emailNote("Where: " + where)
	}
	if p.Hint != "" {
		head += emailNote("Hint: " + esc(cut(oneLine(p.Hint), maxSpan)))
	}
	return emailBlock("output line", 0, head, lastLines(p.Output, 60), "")
}

func emailFailures(r *Report, all stories) section {
	var failing []Failure
	for _, s := range all {
		failing = append(failing, s.failures...)
	}
	if r.Verdict == Flaky {
		failing = r.Failures
	}
	return emailRows("failure", 2, "Failures", failing, func(f Failure) string {
		text := emailCode(cmp.Or(f.ID, f.name()))
		if at := place(f.File, f.Line); at != "" {
			text += " at " + emailCode(at)
		}
		if why := f.Text(); why != "" {
			text += "<br>" + esc(cut(oneLine(why), maxSpan))
		}
		return text
	})
}

// emailOthers names the known and flaky failures, unless they are the failures.
func emailOthers(r *Report) section {
	others := r.others(emailCode)
	if others == "" || r.Verdict == Flaky {
		return optional("known-failures line", 3, "")
	}
	return optional("known-failures line", 3, emailNote(others+"."))
}

func emailPatch(r *Report, p *Patch) section {
	name := "Patch"
	if p.State != PatchVerified {
		name = "Plausible patch, not verified"
	}
	head := emailHeading(name + ": " + cut(oneLine(cmp.Or(p.Title, p.Strategy)), maxSpan))
	facts := fmt.Sprintf("%s, %s, by %s", emailCode(p.ID), p.experience(), emailCode(p.Strategy))
	if p.Applied {
		facts += ", applied"
	}
	if p.NeedsReview {
		facts += ", <strong>needs review</strong>"
	}
	head += emailNote(facts)
	tail := ""
	for _, line := range []string{r.comparison(p), r.agreement(p)} {
		if line != "" {
			tail += emailNote(esc(line))
		}
	}
	if p.Redacted {
		tail += emailNote("The diff contains a secret, which is hidden, so it cannot be copied from here.")
	}
	if p.State == PatchVerified && !p.Applied && typable(p.ID) {
		tail += emailNote("Apply it with " + emailCommand("regreen apply "+p.ID))
	}
	return emailBlock("patch line", 1, head, blockLines(p.Diff), tail)
}

// emailBlock makes a section of lines of code between head and tail, with the colors of a
// diff.
func emailBlock(name string, priority int, head string, lines []string, tail string) section {
	return section{name, priority, len(lines), func(n int) string {
		var b strings.Builder
		b.WriteString(head)
		if n > 0 {
			b.WriteString(`<pre style="margin:0;padding:10px;overflow:auto;font:13px/1.45 ui-monospace,Menlo,Consolas,monospace;background:#f2f4f7">`)
			for _, line := range lines[:n] {
				b.WriteString(emailLine(line))
			}
			b.WriteString("</pre>\n")
		}
		if n < len(lines) {
			b.WriteString(emailNote("… " + plural.Count(len(lines)-n, "more "+name)))
		}
		b.WriteString(tail)
		return b.String()
	}}
}

// emailLine returns a line of code to copy: nothing is inserted into it.
func emailLine(line string) string {
	style := ""
	switch {
	case strings.HasPrefix(line, "+"):
		style = ` style="color:#05603a"`
	case strings.HasPrefix(line, "-"):
		style = ` style="color:#912018"`
	}
	return "<span" + style + ">" + html.EscapeString(line) + "</span>\n"
}

// emailRows makes a section of a list, which shows only its first rows if space is short.
func emailRows[T any](name string, priority int, title string, items []T, row func(T) string) section {
	return section{name, priority, len(items), func(n int) string {
		if n == 0 {
			return ""
		}
		var b strings.Builder
		b.WriteString(emailHeading(title) + `<ul style="margin:0;padding-left:20px">` + "\n")
		for _, item := range items[:n] {
			b.WriteString(`<li style="margin:4px 0">` + row(item) + "</li>\n")
		}
		b.WriteString("</ul>\n")
		if n < len(items) {
			b.WriteString(emailNote("… " + plural.Count(len(items)-n, "more "+name)))
		}
		return b.String()
	}}
}

func emailList(name string, priority int, title string, items []string) section {
	return emailRows(name, priority, title, items, func(item string) string { return esc(cut(oneLine(item), maxSpan)) })
}

func alertTexts(r *Report) []string {
	var texts []string
	for _, a := range r.Alerts {
		text := string(a.Level) + ": " + a.Text
		if a.Hint != "" {
			text += "; " + a.Hint
		}
		texts = append(texts, text)
	}
	return texts
}

func emailHeading(text string) string {
	return `<h2 style="font-size:15px;margin:18px 0 6px">` + esc(text) + "</h2>\n"
}

const emailMono = `<code style="font:13px ui-monospace,Menlo,Consolas,monospace;background:#f2f4f7">`

func emailCode(s string) string {
	if s = cut(oneLine(s), maxSpan); s == "" {
		return ""
	}
	return emailMono + esc(s) + "</code>"
}

// emailCommand returns a command to copy, whose names must be typable.
func emailCommand(s string) string { return emailMono + html.EscapeString(s) + "</code>" }

// esc escapes clean text for HTML. Mail clients turn addresses into links; an invisible
// break in addresses of untrusted text prevents that.
func esc(s string) string {
	s = references().ReplaceAllString(strings.NewReplacer("://", ":"+zwsp+"//", "@", "@"+zwsp).Replace(s), "$1$2"+zwsp)
	return html.EscapeString(s)
}
