package resultfile

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// reports generates reports that list what ran, like those of a run or of Merge.
func reports() *rapid.Generator[*report.Report] {
	return rapid.Custom(func(t *rapid.T) *report.Report {
		piece := rapid.SampledFrom([]string{"a", "Test", "got 3, want 4", "<&>\"'", "]]>", "\x1b[31m", "\x00", "\xff", "\ufffe", "\u202e", "日本", "🙂", " ", "/", " > ", "#1", "{", "panic: ", "p.t"})
		text := func() string {
			return strings.TrimSpace(strings.ReplaceAll(report.Visible(strings.Join(rapid.SliceOfN(piece, 1, 5).Draw(t, "text"), "")), "\ufffe", "\ufffd"))
		}
		name := func() string { return "x" + text() }
		place := func() (string, int) {
			return rapid.SampledFrom([]string{"", "a_test.go", "sub/b.py", "日本/ü.go"}).Draw(t, "file"), rapid.IntRange(1, 99).Draw(t, "line")
		}
		r := &report.Report{Verdict: report.Red, Tests: report.Tests{Passed: rapid.IntRange(0, 2).Draw(t, "passed"), Skipped: rapid.IntRange(0, 2).Draw(t, "skipped")}}
		seen := map[testKey]bool{}
		for range rapid.IntRange(0, 12).Draw(t, "tests") {
			res := report.Result{
				Package: name(), Test: rapid.SampledFrom([]string{"", name()}).Draw(t, "test"),
				Status:  rapid.SampledFrom([]report.ResultStatus{report.ResultPassed, report.ResultFailed, report.ResultSkipped, report.ResultFlaky}).Draw(t, "status"),
				Seconds: float64(rapid.IntRange(0, 5000).Draw(t, "ms")) / 1000,
			}
			if k := (testKey{res.Package, res.Test}); seen[k] || res.Test == "" && res.Status != report.ResultFailed {
				continue
			} else {
				seen[k] = true
			}
			res.File, res.Line = place()
			if res.File == "" {
				res.Line = 0
			}
			switch res.Status {
			case report.ResultPassed:
				r.Tests.Passed++
			case report.ResultSkipped:
				r.Tests.Skipped++
			case report.ResultFailed, report.ResultFlaky:
				f := report.Failure{
					Package: res.Package, Test: res.Test, Kind: string(rapid.SampledFrom(testrun.Kinds).Draw(t, "kind")), Status: report.FailureNew,
					Message: strings.Join(strings.Fields("m"+text()), " "), File: res.File, Line: res.Line, Output: "line one\n" + name() + "\n",
				}
				f.ID = strings.Trim(f.Package+"."+f.Test, ".")
				if res.Status == report.ResultFlaky {
					f.Status, res.Tries = report.FailureFlaky, rapid.IntRange(2, 20).Draw(t, "tries")
				} else {
					f.Status = rapid.SampledFrom([]report.FailureStatus{report.FailureNew, report.FailureKnown, report.FailureFixed}).Draw(t, "of")
				}
				r.Failures = append(r.Failures, f)
				r.Tests.Failed++
			}
			if res.Test != "" {
				r.Results = append(r.Results, res)
			}
		}
		slices.SortFunc(r.Results, func(a, b report.Result) int {
			return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Test, b.Test))
		})
		slices.SortFunc(r.Failures, func(a, b report.Failure) int {
			return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Test, b.Test))
		})
		return r
	})
}

// TestRoundTrip checks that a written report is read with the same tests, statuses, counts
// and failures.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(io.Writer, *report.Report) error{"junit": report.JUnit, "ctrf": report.CTRF} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				want := reports().Draw(t, "report")
				var buf bytes.Buffer
				if err := write(&buf, want); err != nil {
					t.Fatal(err)
				}
				text := buf.String()
				f, err := Read("f", &buf, options)
				if err != nil {
					t.Fatalf("%v\n%s", err, text)
				}
				got := Merge([]*File{f})
				if err := got.Check(); err != nil {
					t.Fatal(err)
				}
				want.Tests.Packages = got.Tests.Packages
				if d := diff.Diff(want.Tests, got.Tests); d != "" {
					t.Fatalf("tests (-want +got):\n%s\n%s", d, text)
				}
				if d := diff.Diff(want.Results, got.Results); d != "" {
					t.Fatalf("results (-want +got):\n%s\n%s", d, text)
				}
				for i := range got.Failures {
					got.Failures[i].ID = want.Failures[min(i, len(want.Failures)-1)].ID
					got.Failures[i].Output = strings.TrimRight(got.Failures[i].Output, "\n")
				}
				for i := range want.Failures {
					want.Failures[i].Output = strings.TrimRight(want.Failures[i].Output, "\n")
					if want.Failures[i].File == "" {
						want.Failures[i].Line = 0
					}
				}
				if d := diff.Diff(want.Failures, got.Failures); d != "" {
					t.Fatalf("failures (-want +got):\n%s\n%s", d, text)
				}
			})
		})
	}
}

// TestShardsAreTheWhole checks that the merged parts of a report equal the whole.
func TestShardsAreTheWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		whole := reports().Draw(t, "report")
		n := rapid.IntRange(1, 4).Draw(t, "shards")
		shards := make([]report.Report, n)
		of := map[testKey]int{}
		for i, res := range whole.Results {
			of[testKey{res.Package, res.Test}] = i % n
			shards[i%n].Results = append(shards[i%n].Results, res)
		}
		for i, f := range whole.Failures {
			shard, ok := of[testKey{f.Package, f.Test}]
			if !ok {
				shard = i % n
			}
			shards[shard].Failures = append(shards[shard].Failures, f)
		}
		whole.Tests = report.Tests{}
		read := func(name string, r *report.Report) *File {
			var buf bytes.Buffer
			if err := report.JUnit(&buf, r); err != nil {
				t.Fatal(err)
			}
			f, err := Read(name, &buf, options)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		var files []*File
		for i := range shards {
			files = append(files, read(fmt.Sprint(i), &shards[i]))
		}
		want, got := Merge([]*File{read("whole", whole)}), Merge(files)
		want.ID, want.Notes, got.ID, got.Notes = "", nil, "", nil
		if d := diff.Diff(want, got); d != "" {
			t.Fatalf("(-whole +shards):\n%s", d)
		}
	})
}
