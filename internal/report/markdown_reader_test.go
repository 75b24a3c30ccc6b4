package report

import (
	"cmp"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"
)

// ownHTML matches the only HTML in the Markdown.
var ownHTML = regexp.MustCompile(`^(</?details>|<summary>[A-Za-z0-9, ]+</summary>)$`)

// readMarkdown parses Markdown like GitHub and returns the text of its code spans. It fails
// on every element that untrusted text could have produced.
func readMarkdown(t interface{ Fatalf(string, ...any) }, markdown string) (spans []string) {
	source := []byte(markdown)
	doc := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	open := 0
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.HTMLBlock:
			for i := range n.Lines().Len() {
				segment := n.Lines().At(i)
				line := strings.TrimSpace(string(segment.Value(source)))
				if !ownHTML.MatchString(line) {
					t.Fatalf("HTML %q in:\n%s", line, markdown)
				}
				open += strings.Count(line, "<details>") - strings.Count(line, "</details>")
			}
		case *ast.RawHTML, *ast.Link, *ast.Image, *ast.AutoLink, *ast.Blockquote, *ast.ThematicBreak, *ast.CodeBlock:
			t.Fatalf("a %s in:\n%s", n.Kind(), markdown)
		case *ast.CodeSpan:
			var b strings.Builder
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				b.Write(c.(*ast.Text).Segment.Value(source))
			}
			spans = append(spans, b.String())
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if open != 0 {
		t.Fatalf("%d details open in:\n%s", open, markdown)
	}
	return spans
}

// TestMarkdownReadByGoldmark checks that the Markdown of any report has no elements from
// untrusted text, and lists every new failure or says how many it leaves out.
func TestMarkdownReadByGoldmark(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := reports().Draw(t, "report")
		size := rapid.IntRange(smallestSize, 30_000).Draw(t, "size")
		markdown := Markdown(r, MarkdownOptions{MaxBytes: size})
		spans := readMarkdown(t, markdown)
		if len(markdown) > size {
			t.Fatalf("%d bytes, more than %d", len(markdown), size)
		}
		if regexp.MustCompile(`Left out to fit: .*failure`).MatchString(markdown) {
			return
		}
		named := make(map[string]bool)
		for _, s := range spans {
			named[strings.ReplaceAll(strings.TrimSpace(s), `\|`, "|")] = true
		}
		for _, f := range r.Failures {
			name := strings.TrimSpace(strings.ReplaceAll(cut(oneLine(cmp.Or(f.ID, f.name())), maxSpan), `\|`, `\¦`)) // see cell
			if f.Status == FailureNew && name != "" && !named[name] {
				t.Fatalf("failure %q is neither listed nor left out in:\n%s\n%q", name, markdown, spans)
			}
		}
	})
}
