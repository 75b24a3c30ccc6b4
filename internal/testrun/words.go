package testrun

import "strings"

// SplitWords splits a command line like a shell, as far as that needs no shell: blanks,
// quotes and backslashes. ok is false if the line uses anything else, such as a pipe, a
// variable or a pattern.
func SplitWords(line string) (words []string, ok bool) {
	var word strings.Builder
	inWord := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == ' ' || c == '\t' || c == '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		case c == '\'':
			end := strings.IndexByte(line[i+1:], '\'')
			if end < 0 {
				return nil, false
			}
			word.WriteString(line[i+1 : i+1+end])
			i += end + 1
			inWord = true
		case c == '"':
			for i++; ; i++ {
				if i >= len(line) || line[i] == '$' || line[i] == '`' {
					return nil, false
				}
				if line[i] == '"' {
					break
				}
				if line[i] == '\\' && i+1 < len(line) && strings.IndexByte("\\\"$`", line[i+1]) >= 0 {
					i++
				}
				word.WriteByte(line[i])
			}
			inWord = true
		case c == '\\':
			if i++; i >= len(line) {
				return nil, false
			}
			word.WriteByte(line[i])
			inWord = true
		case strings.IndexByte("|&;<>()$`*?[]{}!#~", c) >= 0:
			return nil, false
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, true
}
