package schemata

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/validate"
)

// twoPackages has a fault in low that an example of top shows. The other tests of both check
// what must not change.
const twoPackages = `
-- low/low.go --
package low

// Scale is n times by.
func Scale(n, by int) int {
	return n + by
}
-- low/low_test.go --
package low

import "testing"

func TestScale(t *testing.T) {
	if got := Scale(0, 7); got != 0 && got != 7 {
		t.Errorf("Scale(0, 7) = %d", got)
	}
}
-- top/top.go --
package top

import "example.com/m/low"

// Area is the area of a rectangle.
func Area(a, b int) int { return low.Scale(a, b) }
-- top/top_test.go --
package top

import (
	"fmt"
	"testing"
)

func ExampleArea() {
	fmt.Println(Area(3, 4))
	// Output: 12
}

func TestArea(t *testing.T) {
	t.Run("square", func(t *testing.T) {
		if got := Area(2, 2); got != 4 {
			t.Errorf("Area(2, 2) = %d", got)
		}
	})
}
`

// TestScreenPackages checks that the other tests of the example's package refuse candidates
// that make the example pass, in a pool, and so do the tests of the changed package.
func TestScreenPackages(t *testing.T) {
	t.Parallel()
	cases := []struct {
		new    string
		want   validate.Verdict
		reason string
	}{
		{"n * by", validate.Plausible, ""},
		{"12", validate.Refused, "breaks TestArea"},
		{"n + by*2 + 1", validate.Refused, "breaks TestArea"},
		{"n*by + n - 3", validate.Refused, "breaks TestArea"},
		{"n*by - by + 4", validate.Refused, "breaks TestArea"},
		{"n*by + by - 4", validate.Refused, "breaks TestArea"},
		{"func() int { for n == 2 { } ; return n * by }()", validate.Refused, "run into the timeout"},
		{"func() int { if n == 2 { return Scale(n, by) } ; return n * by }()", validate.Refused, "recurse without end"},
		{"func() int { if n == 0 { return 9 } ; return n * by }()", validate.Refused, "breaks TestScale"},
		{"func() int { if n == 0 { return 8 } ; return n * by }()", validate.Refused, "breaks TestScale"},
		{"func() int { if n == 0 { return 6 } ; return n * by }()", validate.Refused, "breaks TestScale"},
		{"n - by", validate.Rejected, "still fail"},
	}
	f := newFixture(t, twoPackages)
	var log bytes.Buffer
	f.s.opt.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var cands []propose.Candidate
	for _, tc := range cases {
		cands = append(cands, f.swap("low/low.go", "return n + by", "return "+tc.new))
	}
	results, _ := f.v.Screen(t.Context(), target("example.com/m/top", "ExampleArea"), cands)
	for i, tc := range cases {
		r := results[i]
		if r.Verdict != tc.want || !strings.Contains(r.Reason, tc.reason) || r.Screened != (tc.want == validate.Plausible) {
			t.Errorf("%s: got %s (%s), screened %t; want %s (%s)", tc.new, r.Verdict, r.Reason, r.Screened, tc.want, tc.reason)
		}
	}
	// Only samples of what a pool refuses get a process.
	if took := results[7].Seconds; took > 0 {
		t.Errorf("the endless recursion took %f seconds of a process\n%s", took, log.String())
	}
}
