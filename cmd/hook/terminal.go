package main

import (
	"os"
	"strings"
	"unicode/utf8"
)

// printable takes control characters out of text that came from elsewhere.
func printable(s string) string { return oneLine(s, 400) }

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// oneLine makes text fit a line; control characters would move the cursor.
func oneLine(text string, width int) string {
	text = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || (c >= 0x80 && c < 0xa0) {
			return ' '
		}
		return c
	}, text)
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(width-3, 0)]) + "..."
}

// color tells whether colours are wanted on stderr.
func (a *app) color() bool {
	switch {
	case a.getenv("NO_COLOR") != "":
		return false
	case a.getenv("CLICOLOR_FORCE") != "" && a.getenv("CLICOLOR_FORCE") != "0":
		return true
	}
	return a.terminal
}
