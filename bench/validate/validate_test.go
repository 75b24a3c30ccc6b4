package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/bench/seeded"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	cases := []struct {
		verdict      validate.Verdict
		reason       string
		failing, all outcome
		want         relation
	}{
		{validate.Plausible, "", passes, "", agree},
		{validate.Plausible, "", fails, "", falseAccept},
		{validate.Plausible, "", unbuilt, "", falseAccept},
		{validate.Rejected, "x", fails, "", agree},
		{validate.Rejected, "x", passes, "", falseReject},
		{validate.Rejected, "x", unbuilt, "", notCompiled},
		{validate.IllTyped, "x", unbuilt, "", agree},
		{validate.IllTyped, "x", fails, "", compiled},
		{validate.IllTyped, "x", passes, "", falseReject},
		{validate.Refused, "x", passes, fails, agree},
		{validate.Refused, "x", passes, passes, falseReject},
		{validate.Refused, "x", fails, "", agree},
		{validate.Pruned, "would need a build of its own", passes, "", notJudged},
		{validate.Pruned, "the budget ended before its turn", passes, "", notJudged},
		{validate.Pruned, "is not reached", passes, "", falseReject},
		{validate.Pruned, "is not reached", fails, "", agree},
	}
	for _, c := range cases {
		r := &validate.Result{Verdict: c.verdict, Reason: c.reason}
		got, err := judge(r, c.failing, func() (outcome, error) {
			if c.all == "" {
				t.Errorf("%s (%s), %s: all tests were run", c.verdict, c.reason, c.failing)
			}
			return c.all, nil
		})
		if err != nil || got != c.want {
			t.Errorf("%s (%s), %s, %s: got %q, %v, want %q", c.verdict, c.reason, c.failing, c.all, got, err, c.want)
		}
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	got := spread(100, 10, 1)
	for i, at := range got {
		if at/10 != i {
			t.Errorf("sample %d is %d", i, at)
		}
	}
	if !slices.Equal(got, spread(100, 10, 1)) || slices.Equal(got, spread(100, 10, 2)) {
		t.Error("the sample does not depend on the seed alone")
	}
	if got := spread(3, 10, 1); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("three: %v", got)
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	s := &subject{bug: seeded.Bug{File: "f.go", Line: 500}}
	results := make([]validate.Result, 1000)
	for i := range results {
		results[i] = validate.Result{Verdict: validate.Rejected, Candidate: &propose.Candidate{Line: i, Edits: []propose.Edit{{File: "f.go"}}}}
		if i < 100 {
			results[i].Verdict = validate.Plausible
		}
	}
	got := choose(results, s.nearBug, 50, 1)
	passing, near := 0, 0
	for _, i := range got[50:] {
		switch {
		case i < 100:
			passing++
		case i >= 500-around && i <= 500+around:
			near++
		default:
			t.Errorf("candidate %d is not worth an extra comparison", i)
		}
	}
	for i := range got {
		if slices.Contains(got[:i], got[i]) {
			t.Errorf("candidate %d is chosen twice", got[i])
		}
	}
	if passing != extras || near == 0 {
		t.Errorf("%d pass, %d are near", passing, near)
	}
	if got := choose(results[:10], s.nearBug, 50, 1); len(got) != 10 {
		t.Errorf("%d results of ten", len(got))
	}
}

func TestReadStat(t *testing.T) {
	t.Parallel()
	stat := "42 (a) b (c) S 7 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 9 0 100 123456 512 18446744073709551615 1 1"
	parent, mb := readStat([]byte(stat))
	if want := 512 * float64(os.Getpagesize()) / (1 << 20); parent != 7 || mb != want {
		t.Errorf("got parent %d, %v MB, want 7 and %v", parent, mb, want)
	}
	if parent, mb := readStat([]byte("42 (a)")); parent != 0 || mb != 0 {
		t.Errorf("accepted half a line: parent %d, %v MB", parent, mb)
	}
}

func TestWatchMemory(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc")
	}
	stop := watchMemory()
	if got := stop(); got.Own <= 0 || got.All < got.Own {
		t.Errorf("%+v", got)
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	r := result{ID: "bug", Steps: []step{
		{N: 100, Seconds: 2, TypeCheck: 1, Run: 0.5, Rest: 0.5, Ratio: 29, Plausible: 1.25},
		{N: 500, Seconds: 2, Ratio: 100},
		{N: 900, Seconds: 2, Ratio: 100},
	}}
	var out bytes.Buffer
	r.print(&out)
	for _, want := range []string{" 30 MISSED", " 50% ", " 25% ", "100 met", "  1.2"} {
		if strings.Count(out.String(), want) == 0 {
			t.Errorf("%q is missing in\n%s", want, &out)
		}
	}
	for _, tc := range []struct{ ratios, want []float64 }{
		{[]float64{5}, []float64{5, 5}}, {[]float64{9, 1}, []float64{5, 1}}, {[]float64{9, 1, 2}, []float64{2, 1}},
	} {
		var subjects []result
		for _, ratio := range tc.ratios {
			subjects = append(subjects, result{Steps: []step{{Ratio: 1000}, {Ratio: ratio}}})
		}
		if median, worst := atAll(subjects); median != tc.want[0] || worst != tc.want[1] {
			t.Errorf("%v: got median %v, worst %v", tc.ratios, median, worst)
		}
	}
}

func TestRejects(t *testing.T) {
	t.Parallel()
	d := differences{Counts: map[relation]int{agree: 97, notCompiled: 1, falseReject: 2, notJudged: 50, unstable: 3}}
	if got := d.rejects(); got != 0.02 {
		t.Errorf("%v", got)
	}
	if atMost(0.01, rejectBar) != "met" || atMost(0.02, rejectBar) != "MISSED" {
		t.Error("the bar is compared the wrong way round")
	}
}

// tinySubject returns a module with a wrong lower bound, and a function that makes a
// candidate from old to new.
func tinySubject(t *testing.T) (*bench, *subject, func(old, new string) *propose.Candidate) {
	t.Helper()
	published, root := t.TempDir(), filepath.Join(t.TempDir(), "module")
	const source = "package tiny\n\n// Clamp keeps n from being negative, or more than 10.\nfunc Clamp(n int) int {\n\tif n < 0 {\n\t\treturn 0\n\t}\n\treturn min(n, 10)\n}\n"
	for name, text := range map[string]string{
		"go.mod": "module example.com/tiny\n\ngo 1.21\n", "tiny.go": source,
		"tiny_test.go": "package tiny\n\nimport \"testing\"\n\nfunc TestLow(t *testing.T) {\n\tif Clamp(-3) != 0 {\n\t\tt.Error(Clamp(-3))\n\t}\n}\n\n" +
			"func TestHigh(t *testing.T) {\n\tif Clamp(30) != 10 {\n\t\tt.Error(Clamp(30))\n\t}\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(published, name), []byte(text), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{
		options: options{jobs: 2, most: 50, seed: 1},
		modules: &seeded.Modules{Temp: t.TempDir(), Dirs: map[string]string{"example.com/tiny@v1.0.0": published}},
	}
	bug := seeded.Bug{ID: "tiny", Module: "example.com/tiny", Version: "v1.0.0", File: "tiny.go", Line: 5, Fixed: "n < 0", Buggy: "n < -9"}
	s, err := b.prepare(t.Context(), bug, root)
	if err != nil {
		t.Fatal(err)
	}
	return b, s, func(old, new string) *propose.Candidate {
		src, err := s.tree().Read("tiny.go")
		at := bytes.Index(src, []byte(old))
		if err != nil || at < 0 {
			t.Fatalf("%q not found: %v", old, err)
		}
		return &propose.Candidate{Edits: []propose.Edit{{File: "tiny.go", Start: at, End: at + len(old), New: new}}}
	}
}

// TestNaive tests candidates of every kind, one after the other in one copy.
func TestNaive(t *testing.T) {
	t.Parallel()
	b, s, swap := tinySubject(t)
	if got := s.target.Tests(); !slices.Equal(got, []testrun.TestID{{Package: "example.com/tiny", Test: "TestLow"}}) {
		t.Errorf("got failing tests %v", got)
	}
	if len(s.cands) != 50 || s.proposed <= 50 {
		t.Errorf("%d candidates of %d", len(s.cands), s.proposed)
	}
	for i := 1; i < len(s.cands); i++ {
		if s.cands[i].Score > s.cands[i-1].Score {
			t.Errorf("candidate %d is better than the one before", i)
		}
	}
	loop, err := b.newNaive(s, 2*time.Second, "-vet=off")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for _, tc := range []struct {
		c            *propose.Candidate
		failing, all outcome
	}{
		{swap("-9", "0"), passes, passes},
		{swap("-9", "-5"), fails, fails},
		{swap("n < -9", "true"), passes, fails},
		{swap("-9", "nine"), unbuilt, unbuilt},
		{nil, fails, fails},
	} {
		if got, err := loop.failing(ctx, tc.c); err != nil || got != tc.failing {
			t.Errorf("%v: failing tests: got %s, %v, want %s", tc.c, got, err, tc.failing)
		}
		if got, err := loop.all(ctx, tc.c); err != nil || got != tc.all {
			t.Errorf("%v: all tests: got %s, %v, want %s", tc.c, got, err, tc.all)
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := loop.failing(ended, swap("-9", "0")); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
	want, _ := s.tree().Read("tiny.go")
	if got, err := os.ReadFile(filepath.Join(loop.root, "tiny.go")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the file was not restored: %v\n%s", err, got)
	}
}
