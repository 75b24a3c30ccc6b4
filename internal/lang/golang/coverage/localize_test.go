package coverage

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// module writes a module of testdata, runs its tests and returns the failures as input.
func module(t *testing.T, name string) (localize.Input, map[string]string) {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"go.mod": "module ex.test/m\n\ngo 1.26\n"}
	for _, f := range archive.Files {
		files[f.Name] = string(f.Data)
	}
	suite, err := gotest.Find(tree(t, files), "")
	if err != nil {
		t.Fatal(err)
	}
	req, budget := testrun.Request{NoVet: true}, time.Minute
	if name == "hang" {
		req.Timeout, budget = time.Second, 30*time.Second
	}
	result, err := suite.Run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Failures) == 0 {
		t.Fatal("no test fails")
	}
	return localize.Input{
		Root: suite.Root, Outline: Outline, Follow: followed(suite), Package: result.Failures[0].Package, Failures: result.Failures, Budget: budget,
	}, files
}

func followed(suite *gotest.Suite) func(context.Context, localize.Input, *localize.Source) ([]localize.Mark, error) {
	return func(ctx context.Context, in localize.Input, src *localize.Source) ([]localize.Mark, error) {
		return Follow(ctx, suite, in, src)
	}
}

// where returns the line of a file that contains a text.
func where(t *testing.T, files map[string]string, file, text string) int {
	t.Helper()
	before, _, ok := strings.Cut(files[file], text)
	if !ok {
		t.Fatalf("no %q in %s", text, file)
	}
	return 1 + strings.Count(before, "\n")
}

// rank returns the position of a line among the suspects, from 1. For suspects with equal
// scores it returns the last position, so that a tie does not count as a success.
func rank(suspects []localize.Suspect, file string, line int) int {
	at := localize.NewIndex(suspects).At(file, line)
	if at == 0 {
		return 0
	}
	n := 0
	for _, s := range suspects {
		if s.Score >= at {
			n++
		}
	}
	return n
}

func reasonOf(suspects []localize.Suspect, file string, line int, kind localize.Evidence) localize.Reason {
	for _, s := range suspects {
		if s.File == file && s.Start <= line && line <= s.End {
			for _, r := range s.Why {
				if r.Evidence == kind {
					return r
				}
			}
		}
	}
	return localize.Reason{}
}

// Each module of testdata has one faulty line, marked by the comment FAULT.
func TestRanksTheFaultyLine(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		file string
		rank int // at most
		why  localize.Reason
	}{
		{"assertion", "p.go", 1, localize.Reason{Evidence: localize.Coverage, Strength: 1, Text: "run by 1 of 1 failing and 0 of 3 passing tests"}},
		{"subtests", "p.go", 1, localize.Reason{Evidence: localize.Coverage, Strength: 1, Text: "run by 2 of 2 failing and 0 of 3 passing tests"}},
		{"panic", "p.go", 1, localize.Reason{Evidence: localize.Coverage, Strength: 1, Text: "run by 1 of 1 failing and 0 of 1 passing tests"}},
		{"hang", "p.go", 2, localize.Reason{Evidence: localize.Coverage, Strength: 1, Text: "run by 1 of 1 failing and 0 of 1 passing tests"}},
		{"exit", "p.go", 2, localize.Reason{Evidence: localize.Coverage, Strength: 1, Text: "run by 1 of 1 failing and 0 of 1 passing tests"}},
		{"otherpackage", "inner/inner.go", 2, localize.Reason{Evidence: localize.Coverage, Strength: 1, Text: "run by 1 of 1 failing and 0 of 1 passing tests"}},
		{"onlytest", "p.go", 2, localize.Reason{Evidence: localize.Calls, Strength: 1, Text: "called by TestParseRange at depth 1 and named like it"}},
		{"goroutine", "p.go", 1, localize.Reason{Evidence: localize.Stack, Strength: 1, Text: "named by the panic at depth 1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in, files := module(t, tc.name)
			suspects, err := localize.Localize(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			line := where(t, files, tc.file, "FAULT")
			if got := rank(suspects, tc.file, line); got == 0 || got > tc.rank {
				t.Logf("%#v", in.Failures)
				t.Errorf("%s:%d has rank %d, want %d", tc.file, line, got, tc.rank)
			}
			if got := reasonOf(suspects, tc.file, line, tc.why.Evidence); got != tc.why {
				t.Errorf("%s:%d: got %+v, want %+v", tc.file, line, got, tc.why)
			}
			checkSuspects(t, files, suspects)
			if t.Failed() {
				for _, s := range suspects {
					t.Logf("%.3f %s:%d-%d %v", s.Score, s.File, s.Start, s.End, s.Why)
				}
			}
		})
	}
}

// checkSuspects checks what is true of any result: order, range of scores, no overlap.
func checkSuspects(t *testing.T, files map[string]string, suspects []localize.Suspect) {
	t.Helper()
	taken := make(map[[2]any]bool)
	for i, s := range suspects {
		if i > 0 && s.Score > suspects[i-1].Score {
			t.Errorf("%v comes after %v", s, suspects[i-1])
		}
		if strings.HasSuffix(s.File, "_test.go") || strings.Contains(files[s.File], "DO NOT EDIT.") {
			t.Errorf("%s is suspected", s.File)
		}
		if s.Score <= 0 || s.Score >= 1 || len(s.Why) == 0 {
			t.Errorf("%v", s)
		}
		for line := s.Start; line <= s.End; line++ {
			if taken[[2]any{s.File, line}] {
				t.Errorf("%s:%d belongs to two suspects", s.File, line)
			}
			taken[[2]any{s.File, line}] = true
		}
	}
}

// A changed line ranks above others that look equally suspicious, unless it does not run.
func TestChangesRank(t *testing.T) {
	t.Parallel()
	in, files := module(t, "otherpackage")
	change := func(file, faulty, good string) patch.File {
		return patch.Diff(file, file, []byte(strings.Replace(files[file], faulty, good, 1)), []byte(files[file]))
	}
	in.Changes = []patch.File{
		change("inner/inner.go", "n - 1", "n + 1"),
		change("p.go", "unused", "harmless"),
	}
	suspects, err := localize.Localize(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	first := suspects[0]
	line := where(t, files, "inner/inner.go", "FAULT")
	if first.File != "inner/inner.go" || first.Start != line || first.End != line {
		t.Errorf("the first suspect is %v, want the faulty line", first)
	}
	x := localize.NewIndex(suspects)
	harmless := where(t, files, "p.go", "unused")
	if got, want := x.At("p.go", harmless), x.At("p.go", where(t, files, "p.go", "inner.Next")); got >= want {
		t.Errorf("a changed line that does not run has %v, one that runs %v", got, want)
	}
	again, err := localize.Localize(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(suspects, again, func(a, b localize.Suspect) bool {
		return a.File == b.File && a.Start == b.Start && a.Score == b.Score && slices.Equal(a.Why, b.Why)
	}) {
		t.Errorf("a second call returns other suspects:\n%v\n%v", suspects, again)
	}
	in.Limit = 2
	limited, err := localize.Localize(t.Context(), in)
	if err != nil || len(limited) != 2 || limited[0].Start != first.Start {
		t.Errorf("got %v, %v", limited, err)
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	in, files := module(t, "compile")
	suspects, err := localize.Localize(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	line := where(t, files, "p.go", "FAULT")
	if rank(suspects, "p.go", line) != 1 {
		t.Errorf("%v", suspects)
	}
	if got := reasonOf(suspects, "p.go", line, localize.Compiler).Text; got != "the compiler says: undefined: lenght" {
		t.Errorf("%q", got)
	}
}

// With an overlay, lines are counted in the patched files.
func TestOverlay(t *testing.T) {
	t.Parallel()
	in, files := module(t, "assertion")
	over := strings.Replace(files["p.go"], "package p\n", "package p\n\n// One.\n\n// Two.\n", 1)
	in.Overlay = map[string][]byte{"p.go": []byte(over)}
	suspects, err := localize.Localize(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	line := where(t, map[string]string{"p.go": over}, "p.go", "FAULT")
	if rank(suspects, "p.go", line) != 1 {
		t.Errorf("line %d: %v", line, suspects)
	}
}

// Without time for coverage, the other evidence still ranks the line.
func TestNoTimeForCoverage(t *testing.T) {
	t.Parallel()
	in, files := module(t, "onlytest")
	in.Budget = time.Nanosecond
	suspects, err := localize.Localize(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	line := where(t, files, "p.go", "FAULT")
	if r := rank(suspects, "p.go", line); r != 1 {
		t.Errorf("rank %d: %v", r, suspects)
	}
	if r := reasonOf(suspects, "p.go", line, localize.Coverage); r.Text != "" {
		t.Errorf("%v", r)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	in := localize.Input{Root: t.TempDir(), Package: "p"}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := localize.Localize(ctx, in); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
