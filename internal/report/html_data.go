package report

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/regreen-ci/regreen/internal/plural"
)

// resultsData returns the results of all tests as JSON for the script, which shows them in
// pages: as HTML, 50,000 rows would be slow and large. Each package and file is listed once.
// A row is [package, test, status, milliseconds, line, file, tries], where package, status
// and file are indexes, and trailing zeros are dropped. File 0 is the empty name. The JSON
// cannot close the script element that holds it, because <, >, & and the line separators of
// JavaScript are \u escapes.
func resultsData(results []Result) literal {
	if len(results) == 0 {
		return ""
	}
	data := struct {
		Statuses []string `json:"statuses"`
		Packages []string `json:"packages"`
		Files    []string `json:"files"`
		Rows     [][]any  `json:"rows"`
	}{Rows: make([][]any, len(results))}
	statuses, packages, files := indexer(&data.Statuses), indexer(&data.Packages), indexer(&data.Files)
	files("")
	for i, res := range results {
		row := []any{
			packages(res.Package), oneLine(res.Test), statuses(string(res.Status)), int(milliseconds(res.Seconds)),
			res.Line, files(res.File), res.Tries,
		}
		for row[len(row)-1] == 0 {
			row = row[:len(row)-1]
		}
		data.Rows[i] = row
	}
	b, err := json.Marshal(data)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return literal(b)
}

// indexer returns a func that returns the index of a text in names, and appends new texts.
func indexer(names *[]string) func(string) int {
	seen := map[string]int{}
	return func(name string) int {
		i, ok := seen[name]
		if !ok {
			i = len(*names)
			seen[name] = i
			*names = append(*names, oneLine(name))
		}
		return i
	}
}

// tallyResults counts the results by status: "50,000 tests: 49,990 passed, 10 failed".
func tallyResults(results []Result) string {
	n := map[ResultStatus]int{}
	for i := range results {
		n[results[i].Status]++
	}
	var parts []string
	for _, status := range resultStatuses {
		if n[status] > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", plural.Thousands(n[status]), status))
		}
	}
	return plural.Count(len(results), "test") + ": " + strings.Join(parts, ", ")
}
