package report

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The page is written by Go code rather than by html/template, because templates call
// methods by their names: with them in a program the linker keeps every exported method
// of every type, 6 MB in regreen. What templates work out at run time, TestLiterals
// checks in the source: that every text stands where escaping it is enough.

// A literal is HTML that this package wrote. A constant is one by itself; anything else
// takes a conversion, and TestLiterals knows them all.
type literal string

// htmlWriter writes a page.
type htmlWriter struct{ page bytes.Buffer }

var escaper = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "+", "&#43;", // + begins what UTF-7 encodes
	"\x00", "\uFFFD",
)

// put writes a literal, with a text in the place of each {}. The literal holds whole
// tags, and each {} is between tags or in a quoted attribute that is no code.
func (m *htmlWriter) put(l literal, texts ...string) {
	rest := string(l)
	for _, text := range texts {
		before, after, _ := strings.Cut(rest, "{}")
		m.page.WriteString(before)
		_, _ = escaper.WriteString(&m.page, text) // a buffer takes everything
		rest = after
	}
	m.page.WriteString(rest)
}

// line is put, and ends the line.
func (m *htmlWriter) line(l literal, texts ...string) {
	m.put(l, texts...)
	m.page.WriteByte('\n')
}

// maybe is put where there is a text.
func (m *htmlWriter) maybe(l literal, text string) {
	if text != "" {
		m.put(l, text)
	}
}

// maybeLine is line where there is a text.
func (m *htmlWriter) maybeLine(l literal, text string) {
	if text != "" {
		m.line(l, text)
	}
}

// verbatim writes a literal that is no pattern: it may have {} in it.
func (m *htmlWriter) verbatim(l literal) { m.page.WriteString(string(l)) }

// add writes what is in another one, and empties that.
func (m *htmlWriter) add(other *htmlWriter) { _ = other.to(&m.page) }

// to writes the page elsewhere.
func (m *htmlWriter) to(w io.Writer) error {
	_, err := m.page.WriteTo(w)
	return err
}

// empty reports whether nothing was put.
func (m *htmlWriter) empty() bool { return m.page.Len() == 0 }

// svgNumber is a number of a chart, as short as it can be.
func svgNumber(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// joinLines joins texts, each as a line.
func joinLines(texts []string, separator string) string {
	clean := make([]string, len(texts))
	for i, text := range texts {
		clean[i] = oneLine(text)
	}
	return strings.Join(clean, separator)
}

// pick is one of two words.
func pick(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// byName returns the keys of a map in order.
func byName[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
