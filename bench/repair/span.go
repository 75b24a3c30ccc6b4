package main

import (
	"errors"
	"strings"

	"github.com/regreen-ci/regreen/bench/seeded"
	"github.com/regreen-ci/regreen/internal/lang/golang/harmless"
)

// linesOf returns the lines of a bug in the buggy file. If the bug is that something is
// missing, it returns the line where it was.
func linesOf(b seeded.Bug) harmless.Span {
	return harmless.Span{File: b.File, Start: b.Line, End: b.Line + strings.Count(strings.TrimSuffix(b.Buggy, "\n"), "\n")}
}

// shift returns by how many lines a bug moves the code after it.
func shift(b seeded.Bug) int {
	return strings.Count(b.Buggy, "\n") - strings.Count(b.Fixed, "\n")
}

// addHarmless makes harmless changes to the published module in dir, away from the bug,
// and returns their lines. The same bug always gets the same hunks.
func addHarmless(dir string, b seeded.Bug) ([]harmless.Span, error) {
	fixed := harmless.Span{File: b.File, Start: b.Line, End: b.Line + strings.Count(b.Fixed, "\n")}
	return harmless.Change(dir, b.ID, fixed)
}

// addMore makes further harmless changes, so that a commit has about forty changed lines in
// several files. Where a small module has no place for them, it makes fewer.
func addMore(dir string, b seeded.Bug) ([]harmless.Span, error) {
	fixed := harmless.Span{File: b.File, Start: b.Line, End: b.Line + strings.Count(b.Fixed, "\n")}
	var out []harmless.Span
	for _, seed := range []string{"-2", "-3"} {
		hunks, err := harmless.Change(dir, b.ID+seed, fixed)
		if errors.Is(err, harmless.ErrNoPlace) {
			break
		}
		if err != nil {
			return nil, err
		}
		out = append(out, hunks...)
	}
	return out, nil
}
