package schemata

import (
	"bytes"
	"errors"
	"fmt"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/lang/golang/site"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// hazards is a package whose candidates disturb others in the same process.
const hazards = `
-- h/h.go --
package h

import (
	"os"
	"sync"

	"example.com/m/spin"
)

var (
	mu     sync.Mutex
	seen   int
	table  = map[string]int{"a": 1}
	atInit = early()
)

func early() int { return 1 }

// Work is 3 when all is well.
func Work(n int) int {
	mu.Lock()
	defer mu.Unlock()
	sum := 0
	for i := range n {
		sum += i
	}
	_ = os.Args
	spin.To(2)
	return sum + other(0) // mark
}

func other(n int) int {
	return n
}

func Seen() int { return seen }

func Table() int { return table["a"] }

func AtInit() int { return atInit }
-- spin/spin.go --
package spin

// To has no candidates, so its steps are not counted.
func To(n uint) {
	for i := uint(0); i != n; i += 2 {
	}
}
-- h/h_test.go --
package h

import "testing"

func TestWork(t *testing.T) {
	t.Run("three", func(t *testing.T) {
		if got := Work(2); got != 3 {
			t.Fatalf("Work(2) = %d", got)
		}
	})
	if Seen() != 0 {
		t.Error("seen")
	}
}

func TestTable(t *testing.T) {
	if Table() != 1 {
		t.Error("the table")
	}
}
`

// Whatever a candidate does to its process, it and the others get the same verdicts as in
// processes of their own.
func TestPoolHazards(t *testing.T) {
	t.Parallel()
	const mark = "return sum + other(0) // mark"
	cases := []struct{ name, new string }{
		{"wrong", "return sum"},
		{"endless loop", "for {\n\t}"},
		{"endless loop without counted steps", "spin.To(3)\n\treturn 3"},
		{"endless recursion", "return other2(1)"},
		{"deadlock", "mu.Lock()\n\treturn 3"},
		{"channel without a sender", "<-make(chan int)\n\treturn 3"},
		{"exit", "os.Exit(1)\n\treturn 3"},
		{"exit with success", "os.Exit(0)\n\treturn 3"},
		{"panic", "panic(sum)"},
		{"panic in another goroutine", "go func() { panic(1) }()\n\tselect {}"},
		{"leaves something behind", "seen++\n\treturn 0"},
		{"right, and leaves something behind", "table[\"a\"] = 2\n\treturn 3"},
		{"right", "return sum + 2"},
		{"too large", "var list [][]byte\n\tfor {\n\t\tlist = append(list, make([]byte, 64<<20))\n\t\tclear(list[len(list)-1])\n\t}"},
		{"right again", "return 3"},
		{"change of the program's start", ""},
	}
	screen := func(pools bool) ([]validate.Result, string) {
		f := newFixture(t, strings.Replace(hazards, "func other(", "func other2(n int) int {\n\treturn other2(n + 1)\n}\n\nfunc other(", 1))
		var log bytes.Buffer
		f.s.opt.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		f.s.pool.off.Store(!pools)
		var cands []propose.Candidate
		for _, tc := range cases {
			if tc.new == "" {
				cands = append(cands, f.swap("h/h.go", "func early() int { return 1 }", "func early() int { return 2 }"))
				continue
			}
			cands = append(cands, f.swap("h/h.go", mark, tc.new))
		}
		results, _ := f.v.Screen(t.Context(), target("example.com/m/h", "TestWork", "TestWork/three"), cands)
		return results, log.String()
	}
	pooled, log := screen(true)
	single, _ := screen(false)
	for i, tc := range cases {
		if pooled[i].Verdict != single[i].Verdict {
			t.Errorf("%s: %s (%s) in a pool, %s (%s) in its own process", tc.name, pooled[i].Verdict, pooled[i].Reason, single[i].Verdict, single[i].Reason)
		}
		want := validate.Rejected
		switch tc.name {
		case "right", "right again":
			want = validate.Plausible
		case "right, and leaves something behind":
			want = validate.Refused // the package's other test fails
		}
		if pooled[i].Verdict != want {
			t.Errorf("%s: got %s (%s), want %s", tc.name, pooled[i].Verdict, pooled[i].Reason, want)
		}
	}
	if strings.Contains(log, "no more pools") || !strings.Contains(log, "msg=pools") {
		t.Errorf("pools were not used to the end:\n%s", log)
	}
}

// Chunks hold every mutant once, have about the same size, and keep the mutants of one value
// site together.
func TestSplit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "n")
		mutants := make([]mutant, rapid.IntRange(0, 300).Draw(t, "mutants"))
		sites := make(map[int]int)
		for i := range mutants {
			mutants[i].ID = i + 1
			if site := rapid.IntRange(-2, 8).Draw(t, "site"); site >= 0 {
				sites[i+1] = site
			}
		}
		chunks := split(mutants, n, sites)
		if len(chunks) != n {
			t.Fatalf("%d chunks of %d", len(chunks), n)
		}
		seen := make(map[int]bool)
		of := make(map[int]int) // site -> chunk
		for c, chunk := range chunks {
			if !slices.IsSortedFunc(chunk, func(a, b mutant) int { return a.ID - b.ID }) {
				t.Fatalf("chunk %d is not in the order of the candidates", c)
			}
			for _, m := range chunk {
				if seen[m.ID] {
					t.Fatalf("%d is in two chunks", m.ID)
				}
				seen[m.ID] = true
				site, ok := sites[m.ID]
				if before, known := of[site]; ok && known && before != c {
					t.Fatalf("site %d is in chunks %d and %d", site, before, c)
				} else if ok {
					of[site] = c
				}
			}
		}
		if len(seen) != len(mutants) {
			t.Fatalf("%d of %d candidates", len(seen), len(mutants))
		}
		if len(sites) == 0 && len(mutants) > 0 && len(chunks[0])-len(chunks[n-1]) > 1 {
			t.Fatalf("%d in the first chunk, %d in the last", len(chunks[0]), len(chunks[n-1]))
		}
	})
}

// Retries have some time at first, and then a share of the time of pools.
func TestRetryTime(t *testing.T) {
	t.Parallel()
	var s poolState
	for _, step := range []struct{ took, retried, want time.Duration }{
		{0, 0, retryFirst},
		{time.Second, 100 * time.Millisecond, retryFirst},
		{0, 250 * time.Millisecond, 50 * time.Millisecond},
		{0, 200 * time.Millisecond, 0},
		{60 * time.Second, 0, retryMost},
	} {
		s.record(step.took, poolOutput{retried: step.retried})
		if got := s.retryTime(); got != step.want {
			t.Errorf("after %v more, %v of it for retries: got %v, want %v", step.took, step.retried, got, step.want)
		}
	}
}

// A pool finds out which of several tests a candidate fixes, like a process of its own.
func TestPoolFixes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, small)
	goal := target("example.com/m/num", "TestMax", "TestLimit")
	results, _ := f.v.Screen(t.Context(), goal, []propose.Candidate{
		f.swap("num/num.go", maxHead, strings.Replace(maxHead, "<", ">", 1)),
		f.swap("num/num.go", "return limit", "return limit + 10"),
		f.swap("num/num.go", "return limit", "return limit + 11"),
	})
	for i, want := range []string{"TestMax", "TestLimit", ""} {
		got := ""
		for _, id := range results[i].Fixes {
			got += id.Test
		}
		if got != want || results[i].Verdict != validate.Rejected {
			t.Errorf("candidate %d fixes %q (%s), want %q", i, got, results[i].Verdict, want)
		}
	}
}

func TestEditTesting(t *testing.T) {
	t.Parallel()
	f := newFixture(t, small)
	goroot, err := f.s.opt.Suite.Goroot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(filepath.Join(goroot, "src", "testing", "testing.go"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := editTesting(src); err != nil {
		t.Errorf("testing.go of the toolchain: %v", err)
	}
	for _, lost := range []string{"deadline := m.startAlarm()", "func (c *common) Fail() {", "\n\tfn(t)\n", "m.tests, deadline)", "type common struct {"} {
		if _, err := editTesting(bytes.Replace(src, []byte(lost), []byte("\n"), 1)); !errors.Is(err, errUnknownTesting) {
			t.Errorf("without %q: %v", lost, err)
		}
		twice := bytes.Replace(src, []byte(lost), []byte(lost+"\n\t"+lost), 1)
		if _, err := editTesting(twice); strings.HasPrefix(lost, "deadline") && !errors.Is(err, errUnknownTesting) {
			t.Errorf("with %q twice: %v", lost, err)
		}
	}
}

// Every file of directory pool except testing.go becomes a file of package testing without the
// tag.
func TestPoolSource(t *testing.T) {
	t.Parallel()
	files, err := poolFiles()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("pool")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		src, laid := files["zz_regreen_"+e.Name()]
		if laid != (e.Name() != "testing.go") {
			t.Errorf("%s is added to package testing: %t", e.Name(), laid)
		}
		if !laid {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), e.Name(), src, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if parsed.Name.Name != "testing" || bytes.Contains(src, []byte("regreen_pool")) {
			t.Errorf("%s: package %s:\n%s", e.Name(), parsed.Name.Name, src)
		}
	}
}

// On every system the program has exactly one file that measures processor time.
func TestPoolConstraints(t *testing.T) {
	t.Parallel()
	files, err := poolFiles()
	if err != nil {
		t.Fatal(err)
	}
	for goos, want := range map[string]string{"linux": "cpu_unix.go", "darwin": "cpu_unix.go", "netbsd": "cpu_unix.go", "windows": "cpu_other.go", "js": "cpu_other.go", "plan9": "cpu_other.go"} {
		var got []string
		for name, src := range files {
			line, _, _ := strings.Cut(string(src), "\n")
			if !constraint.IsGoBuild(line) {
				continue
			}
			expr, err := constraint.Parse(line)
			if err != nil {
				t.Fatal(err)
			}
			if expr.Eval(func(tag string) bool { return tag == goos }) {
				got = append(got, strings.TrimPrefix(name, "zz_regreen_"))
			}
		}
		if !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got %v, want %s", goos, got, want)
		}
	}
}

func TestIntoTesting(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ src, want string }{
		{"//go:build regreen_pool\n\npackage pool\n\nvar x = 1\n", "\npackage testing\n\nvar x = 1\n"},
		{"//go:build regreen_pool && (a || b)\n\n// Doc.\npackage pool\n", "//go:build (a || b)\n\n// Doc.\npackage testing\n"},
		{"//go:build regreen_pool && !a\n\npackage pool\n", "//go:build !a\n\npackage testing\n"},
		{"package pool\n", ""},
		{"//go:build unix\n\npackage pool\n", ""},
		{"//go:build regreen_pool\n\npackage other\n", ""},
	} {
		got, err := intoTesting(tc.src)
		if string(got) != tc.want || (err != nil) != (tc.want == "") {
			t.Errorf("%q becomes %q, %v; want %q", tc.src, got, err, tc.want)
		}
	}
}

func TestParsePoolOutput(t *testing.T) {
	t.Parallel()
	goal := target("p", "TestA", "TestA/x", "TestB")
	got := parsePoolOutput([]byte("early 3\nbase ab TestA\ndone 1 fail TestA TestA/x\ndone 2 pass\ndone 3 steps\nbase ab TestA\ndone 4 pa"))
	if !slices.Equal(got.early, []int{3}) || !slices.Equal(got.base, []string{"ab TestA", "ab TestA"}) || len(got.verdicts) != 3 {
		t.Errorf("%+v", got)
	}
	if fixes := fmt.Sprint(passedOf(goal, got.verdicts[1].failed)); fixes != "[p.TestB]" {
		t.Errorf("fixes %s", fixes)
	}
	if why := got.verdicts[1].broken(); why != "breaks TestA/x" {
		t.Error(why)
	}
	if !got.verdicts[2].pass || got.verdicts[1].pass || got.verdicts[3].pass || got.givenUp {
		t.Errorf("%+v", got.verdicts)
	}
	if got := parsePoolOutput([]byte("done 7 timeout\n")); !got.givenUp || got.verdicts[7].pass {
		t.Errorf("%+v", got)
	}
}

// A hole in which a condition can fix the test is distinguished from one where none can.
func TestProbeHoles(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
-- d/d.go --
package d

func Abs(n int) int {
	return n
}

func Sign(n int) int {
	if n > 0 {
		return 1
	}
	return -1
}
-- d/d_test.go --
package d

import "testing"

func TestAbs(t *testing.T) {
	for _, n := range []int{3, -2, 5, -1, 0, -7} {
		want := n
		if n < 0 {
			want = -n
		}
		if got := Abs(n); got != want || Sign(5) != 1 {
			t.Errorf("Abs(%d) = %d", n, got)
		}
	}
}
`)
	hole := func(old, new string) *propose.Hole {
		return &propose.Hole{Edits: f.swap("d/d.go", old, new).Edits}
	}
	holes := []*propose.Hole{
		hole("\treturn n\n", "\tif "+site.HoleCondition+" {\n\t\treturn -n\n\t}\n\treturn n\n"),
		hole("\treturn n\n", "\tif "+site.HoleCondition+" {\n\t\treturn 0\n\t}\n\treturn n\n"),
		hole("n > 0", "n > 0 && "+site.HoleCondition),
		hole("n > 0", "n > "+site.HoleCondition), // does not type-check
	}
	f.v.ProbeHoles(t.Context(), target("example.com/m/d", "TestAbs"), holes)
	for i, want := range []propose.Answer{propose.Yes, propose.No, propose.No, propose.Unknown} {
		if holes[i].Answer != want {
			t.Errorf("hole %d: got %d, want %d", i, holes[i].Answer, want)
		}
	}
}

func TestLeaves(t *testing.T) {
	t.Parallel()
	var tests []testrun.TestID
	for _, name := range []string{"TestA", "TestA/x", "TestA/x/y", "TestA/z", "TestAB", "TestB/only"} {
		tests = append(tests, testrun.TestID{Package: "p", Test: name})
	}
	var got []string
	for _, id := range leaves(tests) {
		got = append(got, id.Test)
	}
	if want := []string{"TestA/x/y", "TestA/z", "TestAB", "TestB/only"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
