package align

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lines returns a text in any language as its lines and their tokens: the indentation, words,
// numbers, quoted strings, operators, and other single characters.
func Lines(src string) *Part {
	root := &Part{Kind: "text", End: len(src)}
	at := 0
	for line := range strings.Lines(src) {
		end := at + len(strings.TrimRight(line, "\r\n"))
		if tokens := lex(src, at, end); len(tokens) > 0 {
			root.Parts = append(root.Parts, &Part{Kind: "line", Start: at, End: tokens[len(tokens)-1].End, Parts: tokens})
		}
		at += len(line)
	}
	return root
}

// indentKind is the kind of the blanks that a line begins with. They are a token, since some
// languages give them a meaning.
const indentKind = "indent"

// lex returns the tokens of a line. A line of blanks has none.
func lex(src string, start, end int) []*Part {
	var out []*Part
	add := func(kind string, from, to int) { out = append(out, &Part{Kind: kind, Start: from, End: to}) }
	indent := len(src[start:end]) - len(strings.TrimLeft(src[start:end], " \t"))
	if start+indent == end {
		return nil
	}
	if indent > 0 {
		add(indentKind, start, start+indent)
	}
	for at := start + indent; at < end; {
		r, size := utf8.DecodeRuneInString(src[at:end])
		switch {
		case unicode.IsSpace(r):
			at += size
			continue
		case isWord(r):
			to := at + word(src[at:end])
			if unicode.IsDigit(r) {
				to = at + number(src[at:end])
			}
			add("word", at, to)
			at = to
		case r == '"' || r == '\'' || r == '`':
			to := at + quoted(src[at:end])
			add("string", at, to)
			at = to
		default:
			to := at + operator(src[at:end], size)
			add("operator", at, to)
			at = to
		}
	}
	return out
}

func isWord(r rune) bool {
	return r == '_' || r == '$' || r == '@' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// word returns the length of the word at the start of text.
func word(text string) int {
	if i := strings.IndexFunc(text, func(r rune) bool { return !isWord(r) }); i >= 0 {
		return i
	}
	return len(text)
}

// number returns the length of the number at the start of text: 1.5e-3, 0x1F, 10_000.
func number(text string) int {
	for i, r := range text {
		sign := (r == '-' || r == '+') && i > 0 && (text[i-1] == 'e' || text[i-1] == 'E') && !strings.HasPrefix(text, "0x")
		point := r == '.' && i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9'
		if !isWord(r) && !point && !sign {
			return i
		}
	}
	return len(text)
}

// quoted returns the length of the string at the start of text, or 1 if it does not end on
// this line, such as an apostrophe.
func quoted(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i + 1
		}
	}
	return 1
}

// operators are the operators of common languages that have more than one character, the
// longest first.
var operators = []string{
	">>>=", "===", "!==", "**=", "<<=", ">>=", ">>>", "...", "..=", "<=>", "&&=", "||=", "??=", "//=",
	"==", "!=", "<=", ">=", "&&", "||", "->", "=>", "::", ":=", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=",
	"<<", ">>", "**", "//", "..", "??", "?.", "!~", "=~", "<>",
}

// operator returns the length of the operator at the start of text, or size if none is.
func operator(text string, size int) int {
	for _, op := range operators {
		if strings.HasPrefix(text, op) {
			return len(op)
		}
	}
	return size
}
