package repair

import (
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// A failure has the same fingerprint on the same tree, and another one on another tree.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	failure := func(test string, kind testrun.Kind) []testrun.Failure {
		return []testrun.Failure{{TestID: testrun.TestID{Package: "m", Test: test}, Kind: kind}}
	}
	name := func(files map[string]string, command string, failures []testrun.Failure) string {
		p := newFixture(t, files)
		r := newRun(p.options())
		r.report.Command = command
		return r.fingerprint(t.Context(), failures)
	}
	first := name(map[string]string{"a.go": "package a\n"}, "go test", failure("TestA", testrun.Assertion))
	if first == "" || first != name(map[string]string{"a.go": "package a\n"}, "go test", failure("TestA", testrun.Assertion)) {
		t.Errorf("%q is not the fingerprint of the same tree", first)
	}
	for what, other := range map[string]string{
		"tree":    name(map[string]string{"a.go": "package a \n"}, "go test", failure("TestA", testrun.Assertion)),
		"command": name(map[string]string{"a.go": "package a\n"}, "go test -race", failure("TestA", testrun.Assertion)),
		"test":    name(map[string]string{"a.go": "package a\n"}, "go test", failure("TestB", testrun.Assertion)),
		"kind":    name(map[string]string{"a.go": "package a\n"}, "go test", failure("TestA", testrun.Panic)),
	} {
		if other == first {
			t.Errorf("another %s has the same fingerprint", what)
		}
	}
}

func TestAftermath(t *testing.T) {
	t.Parallel()
	rep := &report.Report{ID: "aaaaaaa", Failures: []report.Failure{{Kind: "panic", Cluster: 2}, {Kind: "assertion", Cluster: 1}}}
	patch := &report.Patch{ID: "aaaaaaa-1", Attempt: "a7", Strategy: "s", Cluster: 2}
	now := time.Unix(1, 0)
	for event, reward := range map[learn.Event]float64{learn.Kept: 1, learn.RolledBack: 0} {
		b := Aftermath(rep, []*report.Patch{patch}, event, now)
		if len(b.Outcomes) != 1 {
			t.Fatalf("got %d outcomes", len(b.Outcomes))
		}
		o := b.Outcomes[0]
		if o.Reward != reward || o.Context.Kind != "panic" || o.Strategy != "s" || o.Run != rep.ID || o.Weight <= 1 || o.ID == "" {
			t.Errorf("%s: %+v", event, o)
		}
	}
}
