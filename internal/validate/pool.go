package validate

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// A pool is a woven test binary that tries many candidates in one process. Starting
// a process for each costs more than most tests take, so package testing of the
// standard library is laid over with one that
//
//   - runs the failing tests again for each candidate it is given,
//   - leaves a test at its first error, and takes a panic for a failure,
//   - ends what takes too many steps, a step being a turn of a loop or a call,
//   - gives up the process where a candidate takes too long or too much memory.
//
// What one candidate leaves behind (globals, caches, goroutines) the next one
// finds. So a pool only ever rejects; what passes in it is run again in a process
// of its own, and so are samples of what does not. Where they disagree, or where
// the standard library is not as it is known here, every candidate gets a process.
// Where the unchanged code ends a pool with another result than it began with, what
// the pool has said does not count: it is halved until who is to blame is alone.

// poolSize is how many candidates one process tries: enough that its start does
// not count, few enough that little is lost with it.
const poolSize = 200

// leastPool is how many candidates are worth a pool: fewer get processes.
const leastPool = 8

// poolSample is how many of those that a pool rejects get a process all the same:
// the most promising ones.
const poolSample = 12

// manyTests is the number of failing tests above which a pool stops at the first
// of them that fails, instead of finding out which others pass.
const manyTests = 20

//go:embed pool.go.txt
var poolSource []byte

// grafts are the changes that make package testing fit for a pool; each place must
// be there exactly once.
var grafts = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`(?m)^\t+deadline := m\.startAlarm\(\)$`), "\tif name := os.Getenv(\"REGREEN_POOL\"); name != \"\" {\n\t\t\tm.exitCode = m.regreenPool(name)\n\t\t\treturn\n\t\t}\n$0"},
	{regexp.MustCompile(`(?m)^func \(c \*common\) Fail\(\) \{$`), "$0\n\tregreenFail(c.name)"},
	{regexp.MustCompile(`(?m)(^func \(c \*common\) Error\([^\n]*\n(?:\t[^\n]*\n)*?)(\tc\.Fail\(\)\n)`), "$1$2\tif regreenStop(c.regreenEnding) {\n\t\tc.FailNow()\n\t}\n"},
	{regexp.MustCompile(`(?m)(^func \(c \*common\) Errorf\([^\n]*\n(?:\t[^\n]*\n)*?)(\tc\.Fail\(\)\n)`), "$1$2\tif regreenStop(c.regreenEnding) {\n\t\tc.FailNow()\n\t}\n"},
	{regexp.MustCompile(`(?m)^type common struct \{$`), "$0\n\tregreenEnding bool"},
	{regexp.MustCompile(`(?m)^\tfn\(t\)$`), "\tdefer func() { t.regreenEnding = true }()\n$0"},
	{regexp.MustCompile(`(?m)^\t\tif err != nil && t\.\w+\.isFuzzing \{$`), "\t\tif err != nil && regreenPanicked() {\n\t\t\tt.Fail()\n\t\t\tt.mu.Lock()\n\t\t\tt.finished = true\n\t\t\tt.mu.Unlock()\n\t\t\terr = nil\n\t\t}\n$0"},
	{regexp.MustCompile(`(?m)^func \(t \*T\) Run\(name string, f func\(t \*T\)\) bool \{$`), "$0\n\tif regreenSkip() {\n\t\treturn false\n\t}"},
}

var runTestsCall = regexp.MustCompile(`:= (runTests\([^\n]*)m\.tests, deadline\)`)

// errUnknownTesting says that package testing is not as it is known here.
var errUnknownTesting = errors.New("package testing has a form that is not known")

// graftPool gives package testing's file testing.go with a pool grafted on.
func graftPool(src []byte) ([]byte, error) {
	call := runTestsCall.FindSubmatch(src)
	if call == nil {
		return nil, errUnknownTesting
	}
	for _, g := range grafts {
		if len(g.find.FindAll(src, 2)) != 1 {
			return nil, fmt.Errorf("%w: %s", errUnknownTesting, g.find)
		}
		src = g.find.ReplaceAll(src, []byte(g.put))
	}
	return fmt.Appendf(bytes.Clone(src), "\nfunc (m *M) regreenRun(tests []InternalTest) bool {\n\t_, ok := %stests, time.Time{})\n\treturn ok\n}\n", call[1]), nil
}

// poolState is what a Validator knows of pools.
type poolState struct {
	once  sync.Once
	files map[string][]byte // of package testing, by absolute path; nil when there can be no pool
	off   atomic.Bool       // they were found wanting
}

// pooling gives the files that make package testing a pool, nil when there can be none.
func (v *Validator) pooling(ctx context.Context) map[string][]byte {
	v.pool.once.Do(func() {
		if slices.ContainsFunc(v.Suite.Flags, func(f string) bool { return f == "-race" || f == "-msan" || f == "-asan" }) {
			return // the steps are counted without locks
		}
		goroot, err := v.Suite.Goroot(ctx)
		if err == nil {
			name := filepath.Join(goroot, "src", "testing", "testing.go")
			var src []byte
			if src, err = os.ReadFile(name); err == nil {
				if src, err = graftPool(src); err == nil {
					v.pool.files = map[string][]byte{name: src, filepath.Join(filepath.Dir(name), "zz_regreen_pool.go"): poolSource}
				}
			}
		}
		if err != nil {
			v.Log.Debug("candidates get a process each", "error", err)
		}
	})
	return v.pool.files
}

// noPool has every candidate get a process of its own from now on.
func (v *Validator) noPool(why string, args ...any) {
	v.Log.Debug("no more pools: "+why, args...)
	v.pool.off.Store(true)
}

// runPooled tries candidates in pools. Undecided are those that need a process of
// their own to be judged: what passed, what took its process along, what had its
// say before the pool began. Sampled are the most promising of what was rejected.
func (v *Validator) runPooled(ctx context.Context, target Target, wv *woven, picks []pick, results []Result) (undecided, sampled []pick) {
	tests := topLevel(target)
	if !wv.pooled || v.pool.off.Load() || tests == nil {
		return picks, nil
	}
	var pooled []pick
	for _, p := range picks {
		if wv.alone[p.number] {
			undecided = append(undecided, p)
		} else {
			pooled = append(pooled, p)
		}
	}
	slices.SortFunc(pooled, func(a, b pick) int { return cmp.Compare(a.number, b.number) }) // best first
	n := max((len(pooled)+poolSize-1)/poolSize, min(max(v.Jobs, 1), len(pooled)))
	chunks := make([][]pick, n)
	for i, p := range pooled {
		chunks[i%n] = append(chunks[i%n], p)
	}
	open := make([][]pick, n)
	v.each(ctx, n, func(i int) { open[i] = v.runPool(ctx, target, wv, tests, chunks[i], results) })
	if v.pool.off.Load() {
		return picks, nil
	}
	for _, p := range pooled {
		if results[p.number-1].Verdict == Rejected && len(sampled) < poolSample {
			sampled = append(sampled, p)
		}
	}
	return slices.Concat(undecided, slices.Concat(open...)), sampled
}

// Decide finds out which holes can hold a condition that makes the failing tests
// pass, the first ones first, as far as the context's time goes.
func (v *Validator) Decide(ctx context.Context, target Target, holes []*propose.Hole) (spent Spent) {
	tests := topLevel(target)
	if tests == nil || len(holes) == 0 || v.pool.off.Load() || v.pooling(ctx) == nil {
		return spent
	}
	results := make([]Result, len(holes))
	byDir := make(map[string][]pick)
	var dirs []string
	for i, h := range holes {
		c := &propose.Candidate{Edits: h.Edits}
		results[i] = Result{Candidate: c}
		dir := path.Dir(c.File())
		if byDir[dir] == nil {
			dirs = append(dirs, dir)
		}
		byDir[dir] = append(byDir[dir], pick{i + 1, c})
	}
	wv, _ := v.buildWoven(ctx, target, dirs, byDir, results, &spent)
	if wv == nil {
		return spent
	}
	defer wv.binary.Remove()
	start := time.Now()
	wv.holes = wv.pooled
	var picks []pick
	for i, r := range results {
		if r.Verdict != IllTyped {
			picks = append(picks, pick{i + 1, r.Candidate})
		}
	}
	if wv.pooled {
		v.runPooled(ctx, target, wv, picks, results)
	}
	for i, r := range results {
		switch r.Verdict {
		case Plausible:
			holes[i].Answer = propose.Yes
		case Rejected:
			holes[i].Answer = propose.No
		}
	}
	spent.Run += time.Since(start).Seconds()
	return spent
}

// topLevel are the names of the target's top-level tests; nil when one is no plain
// test, which a pool cannot run.
func topLevel(target Target) []string {
	var out []string
	for _, f := range target.Failures {
		name, _, _ := strings.Cut(f.Test, "/")
		if !strings.HasPrefix(name, "Test") {
			return nil
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// runPool tries one chunk, in as many processes as it takes, and gives back what
// is not decided.
func (v *Validator) runPool(ctx context.Context, target Target, wv *woven, tests []string, chunk []pick, results []Result) (open []pick) {
	for len(chunk) > 0 && ctx.Err() == nil && !v.pool.off.Load() {
		told, err := v.poolProcess(ctx, target, wv, tests, chunk)
		switch {
		case ctx.Err() != nil:
			return append(open, chunk...)
		case err != nil || len(told.base) == 0 || told.base[0] == "pass":
			v.noPool("the tests do not run in one", "package", target.Package, "error", err)
			return append(open, chunk...)
		case len(told.base) == 2 && told.base[0] != told.base[1] && len(chunk) < leastPool:
			return append(open, chunk...)
		case len(told.base) == 2 && told.base[0] != told.base[1]: // one left something behind
			half := len(chunk) / 2
			open = append(open, v.runPool(ctx, target, wv, tests, chunk[:half], results)...)
			return append(open, v.runPool(ctx, target, wv, tests, chunk[half:], results)...)
		}
		done := 0
		for _, p := range chunk {
			verdict, ok := told.verdicts[p.number]
			if !ok {
				break
			}
			done++
			if wv.holes {
				results[p.number-1].Verdict = map[bool]Verdict{true: Plausible, false: Rejected}[verdict.pass]
				continue
			}
			early := slices.ContainsFunc(told.sites, func(site int) bool { return slices.Contains(wv.sites[site], p.number) })
			if verdict.pass || early {
				open = append(open, p)
				continue
			}
			r := &results[p.number-1]
			r.Verdict, r.Stage, r.Reason, r.Fixes = Rejected, StageScreen, verdict.reason, verdict.fixes
		}
		switch { // the next one took the process along
		case done == len(chunk) || told.givenUp && done > 0:
		case told.overflow:
			r := &results[chunk[done].number-1]
			r.Verdict, r.Stage, r.Reason = Rejected, StageScreen, "recurses without end"
			done++
		default:
			open = append(open, chunk[done])
			done++
		}
		chunk = chunk[done:]
	}
	return append(open, chunk...)
}

// told is what the processes of a pool have written.
type told struct {
	sites    []int    // functions that were called before it began
	base     []string // results of the code as it stands, before and after
	verdicts map[int]poolVerdict
	givenUp  bool // after the last verdict, for time or memory
	overflow bool // of the stack ended the process
}

type poolVerdict struct {
	pass   bool
	reason string
	fixes  []testrun.TestID
}

// poolWait is how long one process of a pool may take.
const poolWait = 2 * time.Minute

func (v *Validator) poolProcess(ctx context.Context, target Target, wv *woven, tests []string, chunk []pick) (told, error) {
	dir, err := os.MkdirTemp(filepath.Dir(wv.binary.Path), "pool-")
	if err != nil {
		return told{}, err
	}
	defer os.RemoveAll(dir)
	var order strings.Builder
	mode := "full"
	switch {
	case wv.holes:
		mode = "holes"
	case len(target.Failures) == 1 || len(target.Failures) > manyTests:
		mode = "brief"
	}
	fmt.Fprintf(&order, "%s\n%s\n", mode, strings.Join(tests, " "))
	for _, p := range chunk {
		fmt.Fprintln(&order, p.number)
	}
	name := filepath.Join(dir, "order")
	if err := os.WriteFile(name, []byte(order.String()), 0o600); err != nil {
		return told{}, err
	}
	run, err := wv.binary.Run(ctx, testrun.BinaryRun{Tests: target.Tests(), Timeout: poolWait, Env: []string{"REGREEN_POOL=" + name}})
	if err != nil {
		return told{}, err
	}
	out, err := os.ReadFile(name + ".out")
	if err != nil {
		return told{}, err
	}
	t := readTold(out, target, mode == "full")
	t.overflow = bytes.Contains(run.Output, []byte("stack exceeds"))
	return t, nil
}

// readTold reads what regreenPool in pool.go.txt writes. A line that was not
// finished is not there.
func readTold(out []byte, target Target, full bool) told {
	t := told{verdicts: make(map[int]poolVerdict)}
	for line := range strings.Lines(string(out)) {
		what, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !strings.HasSuffix(line, "\n") {
			break
		}
		switch what {
		case "site":
			if n, err := strconv.Atoi(rest); err == nil {
				t.sites = append(t.sites, n)
			}
		case "base":
			t.base = append(t.base, rest)
		case "done":
			number, verdict, _ := strings.Cut(rest, " ")
			n, err := strconv.Atoi(number)
			if err != nil {
				break
			}
			verdict, failed, _ := strings.Cut(verdict, " ")
			pv := poolVerdict{pass: verdict == "pass", reason: "the failing tests still fail"}
			t.givenUp = verdict == "timeout" || verdict == "memory"
			switch verdict {
			case "steps", "timeout":
				pv.reason = "ran into the timeout"
			case "memory":
				pv.reason = "took too much memory"
			case "fail":
				if full {
					pv.fixes = passedOf(target, strings.Fields(failed))
				}
			}
			t.verdicts[n] = pv
		}
	}
	return t
}

// passedOf are the tests of a target that are not among those that failed.
func passedOf(target Target, failed []string) []testrun.TestID {
	var out []testrun.TestID
	for _, id := range target.Tests() {
		if !slices.Contains(failed, id.Test) {
			out = append(out, id)
		}
	}
	return out
}
