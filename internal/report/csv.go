package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// CSV writes the ledger as RFC 4180, one row per attempt. Text that a spreadsheet would
// take for a formula gets a leading apostrophe, OWASP's advice against CSV injection. CSV
// returns the error of w.
func CSV(w io.Writer, r *Report) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"id", "strategy", "file", "line", "stage", "verdict", "seconds", "reason"}) // Error returns it
	for _, a := range r.Attempts {
		_ = out.Write([]string{
			harmless(a.ID), harmless(a.Strategy), harmless(a.File), strconv.Itoa(a.Line), harmless(string(a.Stage)), harmless(string(a.Verdict)),
			strconv.FormatFloat(a.Seconds, 'f', -1, 64), harmless(a.Reason),
		})
	}
	out.Flush()
	return out.Error()
}

// harmless returns s as a cell that a spreadsheet takes for text.
func harmless(s string) string {
	s = oneLine(s)
	if s != "" && strings.ContainsRune("=+-@|%", rune(s[0])) {
		return "'" + s
	}
	return s
}
