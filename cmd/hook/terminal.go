package main

import (
	"os"

	"github.com/regreen-ci/regreen/internal/report"
)

// printable returns untrusted text as one line without control characters.
func printable(s string) string { return report.OneLine(s, 400) }

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// color reports whether to use colors on stderr.
func (a *app) color() bool {
	switch {
	case a.getenv("NO_COLOR") != "":
		return false
	case a.getenv("CLICOLOR_FORCE") != "" && a.getenv("CLICOLOR_FORCE") != "0":
		return true
	}
	return a.terminal
}
