package main

import (
	"os"

	"github.com/regreen-ci/regreen/internal/report"
)

// printable takes control characters out of text that came from elsewhere.
func printable(s string) string { return report.OneLine(s, 400) }

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
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
