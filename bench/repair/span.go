package main

import (
	"strings"

	"github.com/regreen-ci/regreen/bench/seeded"
	"github.com/regreen-ci/regreen/internal/lang/golang/harmless"
)

// linesOf is the range of lines that a bug takes up in the file that has it. A
// bug that only leaves something out has the line where that is missing.
func linesOf(b seeded.Bug) harmless.Span {
	return harmless.Span{File: b.File, Start: b.Line, End: b.Line + strings.Count(strings.TrimSuffix(b.Buggy, "\n"), "\n")}
}

// shift is by how many lines a bug moves what stands behind it.
func shift(b seeded.Bug) int {
	return strings.Count(b.Buggy, "\n") - strings.Count(b.Fixed, "\n")
}

// addHarmless makes harmless changes to the published module in dir, away from the place
// of the bug, and returns where. The same bug gets the same hunks every time.
func addHarmless(dir string, b seeded.Bug) ([]harmless.Span, error) {
	fixed := harmless.Span{File: b.File, Start: b.Line, End: b.Line + strings.Count(b.Fixed, "\n")}
	return harmless.Change(dir, b.ID, fixed)
}
