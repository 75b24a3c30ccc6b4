package repair

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runs"
)

const (
	goMod  = "module example.com/m\n\ngo 1.26\n"
	right  = "package m\n\n// Max is the larger.\nfunc Max(a, b int) int {\n\tif a > b {\n\t\treturn a\n\t}\n\treturn b\n}\n"
	checks = `package m

import "testing"

func TestMax(t *testing.T) {
	for _, tc := range [][3]int{{3, 2, 3}, {2, 3, 3}, {-1, -2, -1}} {
		if got := Max(tc[0], tc[1]); got != tc[2] {
			t.Errorf("Max(%d, %d) = %d", tc[0], tc[1], got)
		}
	}
}
`
	// other is a file for a second cause, which no operator fixes.
	other = "package m\n\nfunc Name() string { return \"x\" }\n"
)

var wrong = strings.Replace(right, ">", "<", 1)

func TestVerdicts(t *testing.T) {
	t.Parallel()
	impossible := strings.Replace(checks, "func", "func TestName(t *testing.T) {\n\tif Name() != \"y\" {\n\t\tt.Error(Name())\n\t}\n}\n\nfunc", 1)
	flaky := `package m

import (
	"os"
	"testing"
)

func TestOnce(t *testing.T) {
	if _, err := os.Stat("ran"); err == nil {
		return
	}
	if err := os.WriteFile("ran", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Error("not yet")
}
`
	for _, tc := range []struct {
		name      string
		committed map[string]string
		edited    map[string]string // in the working tree
		options   func(o *Options)
		want      report.Verdict
		changed   string // content of m.go afterwards, if it should change
	}{
		{name: "green", committed: map[string]string{"go.mod": goMod, "m.go": right, "m_test.go": checks}, want: report.Green},
		{
			name: "known", committed: map[string]string{"go.mod": goMod, "m.go": wrong, "m_test.go": checks},
			edited: map[string]string{"n.go": other}, want: report.Known,
		},
		{name: "flaky", committed: map[string]string{"go.mod": goMod, "m.go": right, "m_test.go": flaky}, want: report.Flaky},
		{
			name: "fixed", committed: map[string]string{"go.mod": goMod, "m.go": right, "m_test.go": checks},
			edited: map[string]string{"m.go": wrong}, options: func(o *Options) { o.Decision.Policy = detect.Always }, want: report.Fixed, changed: right,
		},
		{
			name: "proposed", committed: map[string]string{"go.mod": goMod, "m.go": wrong, "m_test.go": checks},
			options: func(o *Options) { o.Subject.Environment.Mode = detect.Production }, want: report.Proposed,
		},
		{
			name: "partial", committed: map[string]string{"go.mod": goMod, "m.go": wrong, "n.go": other, "m_test.go": impossible},
			options: func(o *Options) { o.Decision.Policy = detect.Never }, want: report.Partial,
		},
		{
			name: "red", committed: map[string]string{"go.mod": goMod, "m.go": right, "n.go": other, "m_test.go": impossible}, want: report.Red,
		},
		{
			name: "not searched", committed: map[string]string{"go.mod": goMod, "m.go": wrong, "m_test.go": checks},
			options: func(o *Options) { o.Limits.TestOnly = true }, want: report.Red,
		},
		{name: "nothing to test", committed: map[string]string{"README": "x"}, want: report.NotRun},
		{name: "broken go.mod", committed: map[string]string{"go.mod": "modul", "m.go": right, "m_test.go": checks}, want: report.NotRun},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := newFixture(t, tc.committed)
			p.write(tc.edited)
			before, _ := os.ReadFile(filepath.Join(p.dir, "m.go"))
			opt := p.options()
			if tc.options != nil {
				tc.options(&opt)
			}
			rep, err := Run(t.Context(), opt)
			if err != nil {
				t.Fatal(err)
			}
			if rep.Verdict != tc.want {
				t.Errorf("got verdict %s, want %s; problem %+v, notes %v", rep.Verdict, tc.want, rep.Problem, rep.Notes)
			}
			if err := rep.Check(); err != nil {
				t.Error(err)
			}
			again, err := runs.Load(p.repo.StateDir(), rep.ID)
			if err != nil || again.Verdict != rep.Verdict || len(again.Attempts) != len(rep.Attempts) {
				t.Errorf("stored: %v", err)
			}
			for _, patch := range rep.Patches {
				if patch.State != report.PatchVerified {
					continue
				}
				if _, err := os.Stat(filepath.Join(p.repo.StateDir(), "patches", patch.ID+".patch")); err != nil {
					t.Error(err)
				}
			}
			checkConsistent(t, rep)
			want := string(before)
			if tc.changed != "" {
				want = tc.changed
			}
			if after, _ := os.ReadFile(filepath.Join(p.dir, "m.go")); string(after) != want {
				t.Errorf("m.go is now\n%s", after)
			}
		})
	}
}

// checkConsistent checks that a report agrees with itself.
func checkConsistent(t *testing.T, rep *report.Report) {
	t.Helper()
	counted := make(map[report.AttemptVerdict]int)
	for _, a := range rep.Attempts {
		counted[a.Verdict]++
	}
	s := rep.Stats
	if s.Pruned != counted[report.AttemptPruned] || s.IllTyped != counted[report.AttemptIllTyped] || s.Verified != counted[report.AttemptVerified] {
		t.Errorf("got stats %+v, attempts %v", s, counted)
	}
	if s.Generated != len(rep.Attempts) || s.Generated != s.Pruned+s.IllTyped+s.Validated {
		t.Errorf("%d generated, %d attempts, stats %+v", s.Generated, len(rep.Attempts), s)
	}
	clusters := make(map[int]int)
	for _, f := range rep.Failures {
		clusters[f.Cluster]++
		applied := rep.Verdict == report.Fixed
		if searched := len(rep.Clusters) > 0; searched && (f.Status == report.FailureNew || f.Status == report.FailureFixed) != (f.Cluster > 0) || (f.Status == report.FailureFixed) != (applied && f.Cluster > 0) {
			t.Errorf("failure %s is %s and in cluster %d", f.ID, f.Status, f.Cluster)
		}
	}
	for i, c := range rep.Clusters {
		if len(c.Failures) == 0 || clusters[i+1] == 0 {
			t.Errorf("cluster %d is empty: %+v", i+1, c)
		}
		if (c.Status == report.ClusterRepaired) != (c.Patch != "") {
			t.Errorf("cluster %d: %+v", i+1, c)
		}
	}
	if len(rep.Stats.Seconds) != len(stages) {
		t.Errorf("seconds of %d stages: %v", len(rep.Stats.Seconds), rep.Stats.Seconds)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	p := newFixture(t, map[string]string{"go.mod": goMod, "m.go": wrong, "m_test.go": checks})
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	opt := p.options()
	opt.Decision.Policy = detect.Always
	opt.Hooks.Progress = func(stage, _ string, _, _ int) {
		if stage == "validate" || stage == "propose" {
			cancel(reason)
		}
	}
	rep, err := Run(ctx, opt)
	if !errors.Is(err, reason) || rep == nil {
		t.Errorf("got %v, %v", rep, err)
	}
	if after, _ := os.ReadFile(filepath.Join(p.dir, "m.go")); string(after) != wrong {
		t.Errorf("the tree was changed:\n%s", after)
	}
}

// BeforeSearch can skip the search, with or without the report of an earlier run on the same
// failures of the same tree.
func TestBeforeSearch(t *testing.T) {
	t.Parallel()
	p := newFixture(t, map[string]string{"go.mod": goMod, "m.go": right, "m_test.go": checks})
	p.write(map[string]string{"m.go": wrong})
	run := func(answer func(fingerprint string) SearchDecision) *report.Report {
		t.Helper()
		o := p.options()
		o.Decision.Policy, o.Hooks.BeforeSearch = detect.Never, answer
		rep, err := Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	first := run(nil)
	if first.Verdict != report.Proposed || first.Fingerprint == "" {
		t.Fatalf("%s, fingerprint %q", first.Verdict, first.Fingerprint)
	}
	again := run(func(fingerprint string) SearchDecision {
		if fingerprint != first.Fingerprint {
			t.Errorf("got fingerprint %s, want %s", fingerprint, first.Fingerprint)
		}
		return SearchDecision{Previous: first, SkipReason: "it was searched before"}
	})
	if again.Verdict != report.Proposed || len(again.Attempts) != 0 || again.ID == first.ID ||
		len(again.Patches) != len(first.Patches) || again.Patches[0].ID != first.Patches[0].ID || again.Failures[0].Cluster != 1 {
		t.Errorf("%s after %d attempts, patches %+v, failures %+v", again.Verdict, len(again.Attempts), again.Patches, again.Failures)
	}
	if held := run(func(string) SearchDecision { return SearchDecision{SkipReason: "enough for today"} }); held.Verdict != report.Red || len(held.Attempts) != 0 || !slices.Contains(held.Notes, "enough for today") {
		t.Errorf("%s after %d attempts, notes %q", held.Verdict, len(held.Attempts), held.Notes)
	}
	p.write(map[string]string{"n.go": other})
	run(func(fingerprint string) SearchDecision {
		if fingerprint == first.Fingerprint {
			t.Error("another tree has the same fingerprint")
		}
		return SearchDecision{SkipReason: "seen"}
	})
}
