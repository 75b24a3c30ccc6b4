package repair

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/lang/all"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/report"
)

// A complete fix by one strategy is tried before the search.
func TestSoleComesFirst(t *testing.T) {
	t.Parallel()
	at := strings.Index(wrong, "<")
	var strategy propose.Strategy
	strategy = propose.Strategy{
		Name: "sole", Share: 1,
		Sole: func(context.Context, *propose.Problem) ([]propose.Candidate, error) {
			return []propose.Candidate{{
				Strategy: strategy.Name, Title: "turn it round", Edits: []propose.Edit{{File: "m.go", Start: at, End: at + 1, New: ">"}},
				Line: 5, Key: 1, Suspicion: 1, Prior: 1, Alike: 1, Whole: true,
			}}, nil
		},
		Propose: func(context.Context, *propose.Problem, func(propose.Candidate) bool) error {
			t.Error("the main search started")
			return nil
		},
	}
	p := newFixture(t, map[string]string{"go.mod": goMod, "m.go": right, "m_test.go": checks})
	p.write(map[string]string{"m.go": wrong, "notes.txt": "More than the fault.\n"})
	opt := p.options()
	opt.Limits.Strategies = []propose.Strategy{strategy}
	rep, err := Run(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if rep.Verdict != report.Fixed || len(rep.Patches) != 1 || rep.Patches[0].Ranking.Phase != phaseSole || rep.Patches[0].Strategy != "sole" {
		t.Errorf("%s, patches %+v, notes %q", rep.Verdict, rep.Patches, rep.Notes)
	}
	if rep.Culprit != nil {
		t.Errorf("culprit without a strategy that reverts it: %+v", rep.Culprit)
	}
}

// With a strategy that reverts an intended change, the report names the culprit, and its patches
// are applied only if the user said so.
func TestRevertsIntent(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]report.Verdict{detect.Auto: report.Proposed, detect.Always: report.Fixed} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			p := newFixture(t, map[string]string{"go.mod": goMod, "m.go": right, "m_test.go": checks})
			p.write(map[string]string{"m.go": wrong})
			opt := p.options()
			opt.Decision.Policy, opt.Decision.Confidence = policy, 0.01
			opt.Limits.Strategies[0].RevertsIntent = true
			rep, err := Run(t.Context(), opt)
			if err != nil {
				t.Fatal(err)
			}
			held := slices.ContainsFunc(rep.Notes, func(n string) bool { return strings.Contains(n, "undoes part of the change") })
			if rep.Verdict != want || held != (policy == detect.Auto) {
				t.Errorf("%s, notes %q", rep.Verdict, rep.Notes)
			}
			if rep.Culprit == nil || len(rep.Culprit.Files) != 1 || rep.Culprit.Files[0].File != "m.go" {
				t.Errorf("got culprit %+v", rep.Culprit)
			}
			after, err := os.ReadFile(filepath.Join(p.dir, "m.go"))
			if applied := string(after) == right; err != nil || applied != (policy == detect.Always) {
				t.Errorf("applied: %t, %v", applied, err)
			}
		})
	}
}

// A patch that leaves nothing of the user's change is only proposed, whatever its strategy, unless the
// user asked for it in the working tree.
func TestUndoesAll(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]report.Verdict{detect.Auto: report.Proposed, detect.Always: report.Fixed} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			p := newFixture(t, map[string]string{"go.mod": goMod, "m.go": right, "m_test.go": checks})
			p.write(map[string]string{"m.go": wrong})
			opt := p.options()
			opt.Decision.Policy, opt.Decision.Confidence = policy, 0.01
			rep, err := Run(t.Context(), opt)
			if err != nil {
				t.Fatal(err)
			}
			held := slices.ContainsFunc(rep.Notes, func(n string) bool { return strings.Contains(n, "undoes the whole change") })
			if rep.Verdict != want || held != (policy == detect.Auto) {
				t.Errorf("%s, notes %q", rep.Verdict, rep.Notes)
			}
		})
	}
}

// Only these strategies have special treatment in the pipeline.
func TestSpecialStrategies(t *testing.T) {
	t.Parallel()
	for _, s := range all.Strategies() {
		if got, want := s.RevertsIntent, s.Name == "revert"; got != want {
			t.Errorf("%s reverts an intended change: %t", s.Name, got)
		}
		if got, want := s.Sole != nil, s.Name == "imports"; got != want {
			t.Errorf("%s fixes some failures completely: %t", s.Name, got)
		}
	}
}
