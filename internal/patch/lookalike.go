package patch

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"znkr.io/diff"
)

// Editors, chats and models replace characters by others that look the same: a hyphen by a dash,
// straight quotes by curly ones, a tab by spaces, a space by one that does not break. A hunk with
// such lines goes to the lines that look the same, and the file keeps its own characters wherever
// the hunk changes nothing.

// glyph is what a reader sees as one character: part of a text, and how all its look-alikes are
// written here.
type glyph struct {
	text, look string
}

// lookAlikes maps characters to the one that they are taken for.
var lookAlikes = strings.NewReplacer(
	"\u2010", "-", "\u2011", "-", "\u2012", "-", "\u2013", "-", "\u2014", "-", "\u2015", "-", "\u2212", "-", "\ufe58", "-", "\ufe63", "-", "\uff0d", "-",
	"\u2018", "'", "\u2019", "'", "\u201a", "'", "\u201b", "'", "\u2032", "'", "\u00b4", "'", "\u02bc", "'", "\uff07", "'",
	"\u201c", `"`, "\u201d", `"`, "\u201e", `"`, "\u201f", `"`, "\u2033", `"`, "\uff02", `"`,
)

// isBlank reports whether r looks like a space, a line break aside.
func isBlank(r rune) bool { return r != '\n' && unicode.IsSpace(r) }

// isUnseen reports whether r takes no space at all: a joiner, a soft hyphen, a byte order mark.
func isUnseen(r rune) bool { return r == '\u200b' || r == '\u00ad' || unicode.Is(unicode.Cf, r) }

// glyphs cuts a text. A run of blanks is one glyph, at the end of a line together with its newline,
// and what cannot be seen belongs to the glyph before it.
func glyphs(text string) []glyph {
	var out []glyph
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		g := glyph{text: text[:size]}
		text = text[size:]
		last := len(out) - 1
		switch {
		case isUnseen(r) && last >= 0:
			out[last].text += g.text
			continue
		case isUnseen(r):
		case r == '\n' && last >= 0 && out[last].look == " ":
			out[last].text, out[last].look = out[last].text+g.text, "\n"
			continue
		case isBlank(r) && last >= 0 && out[last].look == " ":
			out[last].text += g.text
			continue
		case isBlank(r):
			g.look = " "
		default:
			g.look = lookAlikes.Replace(g.text)
		}
		out = append(out, g)
	}
	return out
}

// look returns a line, without its newline, as all lines that look the same are written here.
func look(line string) string {
	var b strings.Builder
	for _, g := range glyphs(line) {
		b.WriteString(g.look)
	}
	return strings.TrimRight(b.String(), " \n")
}

// carryOver makes the change from old to new in a text that looks like old: it keeps its own
// characters where new has those of old.
func carryOver(old, new, text string) string {
	from, own := glyphs(old), glyphs(text)
	if len(from) != len(own) { // blanks at the end of the last line
		return new
	}
	var b strings.Builder
	at := 0
	for _, e := range diff.Edits(from, glyphs(new), diff.Minimal()) {
		switch e.Op {
		case diff.Match:
			b.WriteString(own[at].text)
			at++
		case diff.Delete:
			at++
		case diff.Insert:
			b.WriteString(e.Y.text)
		}
	}
	return b.String()
}

// lookEdits returns the changes of a hunk at the lines from at, from 0, which look like its old
// lines.
func (h Hunk) lookEdits(lines []string, at int) []edit {
	old, _ := h.sides()
	indent := indentation(splitLines(old), lines[at:])
	var out []edit
	var deleted, inserted strings.Builder
	start := at
	flush := func() {
		if deleted.Len()+inserted.Len() > 0 {
			text := strings.Join(lines[start:at], "")
			if text != "" {
				text = ended(text)
			}
			out = append(out, edit{start: start, end: at, text: carryOver(deleted.String(), inserted.String(), text)})
		}
		deleted.Reset()
		inserted.Reset()
	}
	for _, l := range h.Lines {
		switch l.Op {
		case Context:
			flush()
			at++
			start = at
		case Delete:
			deleted.WriteString(ended(indent.of(l.Text)))
			at++
		case Insert:
			inserted.WriteString(ended(indent.of(l.Text)))
		}
	}
	flush()
	return out
}

// ended returns a text with a newline at its end.
func ended(text string) string { return strings.TrimSuffix(text, "\n") + "\n" }

// indent is how a hunk's indentation becomes the file's: one indents with tabs, the other with so
// many spaces for each. The zero value keeps it.
type indent struct {
	tabs  bool // the file's
	width int
}

// indentation compares the old lines of a hunk with those of the file that look the same.
func indentation(old, lines []string) indent {
	var found indent
	for i, l := range old {
		has, is := leading(l), leading(lines[i])
		if has == is {
			continue
		}
		this := indent{tabs: strings.Trim(is, "\t") == "" && strings.Trim(has, " ") == ""}
		spaces, tabs := len(has), len(is)
		if !this.tabs {
			spaces, tabs = tabs, spaces
			if strings.Trim(has, "\t") != "" || strings.Trim(is, " ") != "" {
				return indent{}
			}
		}
		if tabs == 0 || spaces%tabs != 0 || found.width != 0 && (found.width != spaces/tabs || found.tabs != this.tabs) {
			return indent{}
		}
		this.width = spaces / tabs
		found = this
	}
	return found
}

// leading returns the tabs and spaces that a line begins with.
func leading(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " \t"))] }

// of returns a line with the file's indentation.
func (i indent) of(line string) string {
	if i.width == 0 {
		return line
	}
	has := leading(line)
	rest := line[len(has):]
	if i.tabs && strings.Trim(has, " ") == "" {
		return strings.Repeat("\t", len(has)/i.width) + has[:len(has)%i.width] + rest
	}
	if !i.tabs && strings.Trim(has, "\t") == "" {
		return strings.Repeat(" ", len(has)*i.width) + rest
	}
	return line
}
