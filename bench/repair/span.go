package main

import (
	"strings"

	"github.com/regreen-ci/regreen/bench/seeded"
)

// span is a range of lines of a file, both ends included, from 1.
type span struct {
	file       string
	start, end int
}

func (s span) overlaps(o span) bool {
	return s.file == o.file && s.start <= o.end && o.start <= s.end
}

// widen adds n lines at either end.
func (s span) widen(n int) span { return span{s.file, s.start - n, s.end + n} }

// linesOf is the range of lines that a bug takes up in the file that has it. A
// bug that only leaves something out has the line where that is missing.
func linesOf(b seeded.Bug) span {
	return span{b.File, b.Line, b.Line + strings.Count(strings.TrimSuffix(b.Buggy, "\n"), "\n")}
}

// shift is by how many lines a bug moves what stands behind it.
func shift(b seeded.Bug) int {
	return strings.Count(b.Buggy, "\n") - strings.Count(b.Fixed, "\n")
}
