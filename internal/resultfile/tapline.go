package resultfile

import (
	"strconv"
	"strings"
)

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// parsePoint parses a test point: "ok", optionally after "not", a number, and a description. Its
// name is the description as it is written, with the directive. The number is 0 if it has none.
func parsePoint(text string) (p *tapPoint, number int, ok bool) {
	rest, not := strings.CutPrefix(text, "not ")
	rest, ok = strings.CutPrefix(rest, "ok")
	if !ok || rest != "" && !isBlank(rest[0]) {
		return nil, 0, false
	}
	rest = strings.TrimLeft(rest, " \t")
	if digits := len(rest) - len(strings.TrimLeft(rest, "0123456789")); digits > 0 && endsWord(rest[digits:]) {
		number, _ = strconv.Atoi(rest[:digits])
		rest = strings.TrimLeft(rest[digits:], " \t")
	}
	if after, dash := strings.CutPrefix(rest, "-"); dash && (after == "" || isBlank(after[0])) {
		rest = strings.TrimLeft(after, " \t")
	}
	return &tapPoint{ok: !not, name: rest}, number, true
}

// endsWord reports whether a number ends before rest, which may be "- name".
func endsWord(rest string) bool {
	rest = strings.TrimPrefix(rest, "-")
	return rest == "" || isBlank(rest[0])
}

// directive splits off the directive of a test point: the word SKIP or TODO in any case, after
// the first # that is neither escaped nor part of a word. Names of tests contain # as well, as
// in Cart#todoList, issue #12 and #skip. So the word is in capitals if no blank is before it.
func directive(text string) (description, directive string) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && (text[i+1] == '\\' || text[i+1] == '#'):
			i++
			continue
		case c != '#' || i > 0 && !isBlank(text[i-1]):
			continue
		}
		description := strings.TrimRight(text[:i], " \t")
		word := directiveWord(text[i+1:])
		apart := i+1 == len(text) || isBlank(text[i+1])
		if word != "" && (apart || description == "" || strings.HasPrefix(text[i+1:], strings.ToUpper(word))) {
			return description, word
		}
		if apart {
			break // a directive that nobody knows
		}
	}
	return text, ""
}

// directiveWord returns the directive at the start of a text, or "".
func directiveWord(text string) string {
	text = strings.TrimLeft(text, " \t")
	end := 0
	for end < len(text) && (text[end]|0x20 >= 'a' && text[end]|0x20 <= 'z') {
		end++
	}
	rest := strings.TrimLeft(text[end:], ":,;.!")
	if rest != "" && !isBlank(rest[0]) && rest[0] != '(' {
		return ""
	}
	switch strings.ToLower(text[:end]) {
	case "todo":
		return "todo"
	case "skip", "skipped", "skipping":
		return "skip"
	}
	return ""
}

// unescaped returns a text of TAP without the backslashes before # and \.
func unescaped(text string) string {
	return strings.TrimSpace(strings.NewReplacer(`\\`, `\`, `\#`, "#").Replace(text))
}
