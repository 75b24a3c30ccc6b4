// Package excerpt shortens text to a number of bytes without cutting into anything: not into a
// character, nor into what a reader takes for one, such as a letter with its accents or an emoji
// of several parts, nor into the escape sequence of a color.
//
// It does not mark what it leaves out, and does not repair text that was broken before.
package excerpt

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// longest is the longest character of several parts, and the longest escape sequence, in bytes.
// Longer ones are cut into.
const longest = 128

// Head returns the beginning of text, at most n bytes.
func Head(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return text[:boundary(text, max(n, 0), -1)]
}

// Tail returns the end of text, at most n bytes.
func Tail(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return text[boundary(text, len(text)-max(n, 0), 1):]
}

// Whole returns text that was cut off somewhere without the character or the escape sequence at
// its end that are incomplete.
func Whole(text string) string {
	end := len(text)
	for size := 1; size < utf8.UTFMax && size <= end; size++ {
		if utf8.RuneStart(text[end-size]) {
			if !utf8.FullRuneInString(text[end-size:]) {
				end -= size
			}
			break
		}
	}
	if at := strings.LastIndexByte(text[max(end-longest, 0):end], esc); at >= 0 {
		if at += max(end-longest, 0); sequence(text[at:end]) == 0 {
			end = at
		}
	}
	return text[:end]
}

// boundary returns the next place at or after i, or before it if step is negative, at which text
// can be cut.
func boundary(text string, i, step int) int {
	at := i
	for at > 0 && at < len(text) && !utf8.RuneStart(text[at]) && at-i < utf8.UTFMax && i-at < utf8.UTFMax {
		at += step
	}
	char := at
	for at > 0 && at < len(text) && !separate(text, at) {
		if at-i > longest || i-at > longest {
			at = char
			break
		}
		if step < 0 {
			_, size := utf8.DecodeLastRuneInString(text[:at])
			at -= size
		} else {
			_, size := utf8.DecodeRuneInString(text[at:])
			at += size
		}
	}
	// Is it in an escape sequence that begins before it?
	low := max(at-longest, 0)
	if start := strings.LastIndexByte(text[low:at], esc); start >= 0 {
		start += low
		switch size := sequence(text[start:min(start+longest, len(text))]); {
		case size == 0 || start+size <= at:
		case step < 0:
			return start
		default:
			return start + size
		}
	}
	return at
}

// separate reports whether the character before i and the one at i are shown apart.
func separate(text string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:i])
	after, _ := utf8.DecodeRuneInString(text[i:])
	switch {
	case before == '\r' && after == '\n', before == joiner, after == joiner:
		return false
	case after < 0x300:
		return true
	case after >= 0x1f3fb && after <= 0x1f3ff, after >= 0xe0020 && after <= 0xe007f: // colors of skin, tags
		return false
	case flag(after) && flag(before):
		n := 0 // of flags before it, each of which has two parts
		for rest := text[:i]; len(rest) > 0 && n < longest/utf8.UTFMax; n++ {
			r, size := utf8.DecodeLastRuneInString(rest)
			if !flag(r) {
				break
			}
			rest = rest[:len(rest)-size]
		}
		return n%2 == 0
	}
	return !unicode.In(after, unicode.Mn, unicode.Me, unicode.Mc)
}

const (
	esc    = 0x1b
	joiner = 0x200d // joins emojis to one
)

func flag(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }

// sequence returns the length of the escape sequence that text begins with, or 0 if it does not
// end in text.
func sequence(text string) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case '[':
		for i := 2; i < len(text); i++ {
			if text[i] >= '@' && text[i] <= '~' {
				return i + 1
			}
			if text[i] < ' ' || text[i] > '~' {
				return i // not valid
			}
		}
		return 0
	case ']', 'P', 'X', '^', '_':
		end := strings.IndexAny(text[2:], "\a\x1b\n")
		if end < 0 {
			return 0
		}
		end += 2
		if strings.HasPrefix(text[end:], "\x1b\\") {
			return end + 2
		}
		return end + 1
	}
	return 2
}
