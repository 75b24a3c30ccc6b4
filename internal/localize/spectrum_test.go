package localize_test

import (
	"math"
	"testing"

	"github.com/regreen-ci/regreen/internal/lang/golang/coverage"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/testrun"
)

const abs = `package p

func Abs(n int) int {
	if n < 0 { // blocks: 3 to here, then the body
		n = -n
	}

	// As it is.
	return n
}

func Other() int {
	return 1
}
`

// absBlocks returns the blocks that cmd/cover makes of abs.
func absBlocks(entry, body, end, other int) []testrun.Block {
	return []testrun.Block{
		{File: "p.go", StartLine: 3, StartCol: 21, EndLine: 4, EndCol: 11, Count: entry},
		{File: "p.go", StartLine: 4, StartCol: 11, EndLine: 6, EndCol: 3, Count: body},
		{File: "p.go", StartLine: 9, StartCol: 2, EndLine: 9, EndCol: 10, Count: end},
		{File: "p.go", StartLine: 12, StartCol: 18, EndLine: 14, EndCol: 2, Count: other},
	}
}

func strengths(t *testing.T, s *localize.Spectrum) map[int]localize.Reason {
	t.Helper()
	src := localize.NewSource(tree(t, map[string]string{"p.go": abs}), nil, coverage.Outline)
	out := make(map[int]localize.Reason)
	for _, m := range s.Marks(src) {
		for line := m.Start; line <= m.End; line++ {
			if _, twice := out[line]; twice {
				t.Errorf("line %d is marked twice", line)
			}
			out[line] = m.Reason
		}
	}
	return out
}

func TestSpectrumMarksEveryLineThatRuns(t *testing.T) {
	t.Parallel()
	s := new(localize.Spectrum)
	s.Add(true, absBlocks(1, 1, 1, 0))
	s.Add(false, absBlocks(1, 0, 1, 0))
	s.Add(false, absBlocks(0, 0, 0, 1))
	got := strengths(t, s)
	shared := math.Sqrt(0.5) // run by one failing and one passing test
	for line, want := range map[int]float64{3: shared, 4: 1, 5: 1, 6: 1, 7: 1, 8: 1, 9: shared, 10: shared, 12: 0, 13: 0, 14: 0} {
		if r, ok := got[line]; !ok || math.Abs(r.Strength-want) > 1e-9 {
			t.Errorf("line %d: got %v, want %v", line, r, want)
		}
	}
	if want := "run by 1 of 1 failing and 0 of 2 passing tests"; got[5].Text != want {
		t.Errorf("got %q, want %q", got[5].Text, want)
	}
	if want := "not run by any failing test"; got[13].Text != want {
		t.Errorf("got %q, want %q", got[13].Text, want)
	}
}

// A failing test that wrongly skips a block makes the condition suspect.
func TestSpectrumBlamesTheConditionOfASkippedBlock(t *testing.T) {
	t.Parallel()
	s := new(localize.Spectrum)
	s.Add(true, absBlocks(1, 0, 1, 0))
	for range 4 {
		s.Add(false, absBlocks(1, 1, 1, 0))
	}
	got := strengths(t, s)
	if r := got[4]; math.Abs(r.Strength-1) > 1e-9 || r.Text != "its block is skipped by 1 of 1 failing and 0 of 4 passing tests" {
		t.Errorf("condition: %v", r)
	}
	if r := got[5]; r.Strength != 0 {
		t.Errorf("skipped block: %v", r)
	}
	if r := got[9]; math.Abs(r.Strength-1/math.Sqrt(5)) > 1e-9 {
		t.Errorf("line that all tests run: %v", r)
	}
}

func TestSpectrumOfTwoRuns(t *testing.T) {
	t.Parallel()
	for _, failing := range []int{1, 7} {
		s := &localize.Spectrum{Together: true}
		for range failing {
			s.Add(true, absBlocks(1, 1, 1, 0))
		}
		s.Add(false, absBlocks(1, 0, 1, 1))
		got := strengths(t, s)
		if r := got[9]; math.Abs(r.Strength-math.Sqrt(0.5)) > 1e-9 {
			t.Errorf("%d failing: line that both run: %v", failing, r)
		}
		if r := got[5]; math.Abs(r.Strength-1) > 1e-9 {
			t.Errorf("%d failing: line that only failing tests run: %v", failing, r)
		}
	}
}

// If it is unknown what a failing test ran, no line is innocent.
func TestPartialSpectrum(t *testing.T) {
	t.Parallel()
	s := &localize.Spectrum{Partial: true}
	s.Add(true, absBlocks(1, 0, 0, 0))
	for line, r := range strengths(t, s) {
		if r.Strength == 0 {
			t.Errorf("line %d: %v", line, r)
		}
	}
}
