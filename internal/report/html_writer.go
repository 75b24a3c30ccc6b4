package report

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Go code writes the page instead of html/template, because templates call methods by name:
// a program with them keeps every exported method of every type, 6 MB in regreen. Templates
// check at run time that escaping a text is enough where it is placed; TestLiterals checks
// that in the source.

// A literal is HTML from this package. Constants convert implicitly; anything else needs a
// conversion, and TestLiterals lists them all.
type literal string

// htmlWriter writes a page.
type htmlWriter struct{ page bytes.Buffer }

var escaper = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "+", "&#43;", // + starts an encoded sequence in UTF-7
	"\x00", "\uFFFD",
)

// put writes a literal, with each {} replaced by an escaped text. The literal holds whole
// tags, and each {} is between tags or in a quoted attribute that is not code.
func (m *htmlWriter) put(l literal, texts ...string) {
	rest := string(l)
	for _, text := range texts {
		before, after, _ := strings.Cut(rest, "{}")
		m.page.WriteString(before)
		_, _ = escaper.WriteString(&m.page, text) // a buffer returns no error
		rest = after
	}
	m.page.WriteString(rest)
}

// line is put with a newline.
func (m *htmlWriter) line(l literal, texts ...string) {
	m.put(l, texts...)
	m.page.WriteByte('\n')
}

// maybe is put if text is not empty.
func (m *htmlWriter) maybe(l literal, text string) {
	if text != "" {
		m.put(l, text)
	}
}

// maybeLine is line if text is not empty.
func (m *htmlWriter) maybeLine(l literal, text string) {
	if text != "" {
		m.line(l, text)
	}
}

// verbatim writes a literal that can contain {}.
func (m *htmlWriter) verbatim(l literal) { m.page.WriteString(string(l)) }

// add moves the content of another writer to the end of m.
func (m *htmlWriter) add(other *htmlWriter) { _ = other.to(&m.page) }

// to writes the page to w.
func (m *htmlWriter) to(w io.Writer) error {
	_, err := m.page.WriteTo(w)
	return err
}

// empty reports whether nothing was written.
func (m *htmlWriter) empty() bool { return m.page.Len() == 0 }

// svgNumber formats a number for a chart, as short as possible.
func svgNumber(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// joinLines joins texts, each as one line.
func joinLines(texts []string, separator string) string {
	clean := make([]string, len(texts))
	for i, text := range texts {
		clean[i] = oneLine(text)
	}
	return strings.Join(clean, separator)
}

// pick returns a if first is true, otherwise b.
func pick(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// byName returns the keys of a map in order.
func byName[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
