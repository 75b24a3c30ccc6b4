package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// CSV writes the ledger, a row for each attempt, for a spreadsheet (RFC 4180). Text that
// a spreadsheet would take for a formula gets an apostrophe before it, as OWASP advises
// against CSV injection. The error is that of w.
func CSV(w io.Writer, r *Report) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"id", "strategy", "file", "line", "stage", "verdict", "seconds", "reason"}) // Error tells
	for _, a := range r.Attempts {
		_ = out.Write([]string{
			harmless(a.ID), harmless(a.Strategy), harmless(a.File), strconv.Itoa(a.Line), harmless(string(a.Stage)), harmless(string(a.Verdict)),
			strconv.FormatFloat(a.Seconds, 'f', -1, 64), harmless(a.Reason),
		})
	}
	out.Flush()
	return out.Error()
}

// harmless is a text as a cell that holds nothing but it.
func harmless(s string) string {
	s = oneLine(s)
	if s != "" && strings.ContainsRune("=+-@|%", rune(s[0])) {
		return "'" + s
	}
	return s
}
