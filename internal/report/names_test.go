package report

import (
	"fmt"
	"strings"
	"testing"
)

// TestOthers checks how the known and flaky failures are named: five of each, tests of the same
// name with their packages, and names that are clean.
func TestOthers(t *testing.T) {
	t.Parallel()
	known := func(names ...string) (all []Failure) {
		for _, name := range names {
			all = append(all, Failure{ID: "m." + name, Package: "m", Test: name, Status: FailureKnown})
		}
		return all
	}
	same := []Failure{
		{ID: "a.TestX", Package: "a", Test: "TestX", Status: FailureKnown},
		{ID: "b.TestX", Package: "b", Test: "TestX", Status: FailureFlaky},
		{ID: "c", Package: "c", Status: FailureFlaky},
	}
	for _, tt := range []struct {
		failures []Failure
		want     string
	}{
		{nil, ""},
		{known("TestA"), "1 test also fails at the base: <TestA>"},
		{known("A", "B", "C", "D", "E"), "5 tests also fail at the base: <A>, <B>, <C>, <D>, <E>"},
		{known("A", "B", "C", "D", "E", "F"), "6 tests also fail at the base: <A>, <B>, <C>, <D>, <E> and 1 more"},
		{same, "1 test also fails at the base: <a.TestX>; 2 tests are flaky: <b.TestX>, <c>"},
		{known("A\nregreen: all is well\x1b[2J"), "1 test also fails at the base: <A regreen: all is well>"},
	} {
		r := &Report{Failures: tt.failures}
		if got := r.others(func(name string) string { return "<" + name + ">" }); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
	var names []string
	for i := range 2000 {
		names = append(names, fmt.Sprint("Test", i))
	}
	r := &Report{Verdict: Known, Failures: known(names...)}
	if got, want := Summary(r), "known: no new failures, 2,000 tests also fail at the base: Test0, Test1, Test2, Test3, Test4 and 1,995 more"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r = &Report{Verdict: Known, Failures: known(strings.Repeat("日本", 5000))}
	if got := Summary(r); cells(got) > 200 || strings.Contains(got, "\ufffd") {
		t.Errorf("got %d columns: %s", cells(got), got)
	}
}
