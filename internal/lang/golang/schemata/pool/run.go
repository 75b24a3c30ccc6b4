//go:build regreen_pool

package pool

import (
	"cmp"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// regreenPool runs the tests once for each mutant of a task. The named file holds
//
//	the mode (brief, full, package or holes), and how long to retry mutants that run out of steps
//	the names of the top-level tests and examples, separated by spaces
//	the numbers of the mutants, one per line, with the value site if the mutant chooses a value
//
// The verdicts go to a file of the same name with the suffix .out, one per line.
func (m *M) regreenPool(name string) int {
	if regreenTask.err != nil || !regreenOpen(name+".out") {
		return 3
	}
	for _, function := range regreen.early {
		regreenWrite("early %d", function)
	}
	tests, others := m.regreenTests(regreenTask.names)
	if len(tests) != len(regreenTask.names) {
		return 3
	}
	debug.SetMaxStack(regreenMostStack)
	*parallel = max(*parallel, runtime.NumCPU()) // even if the pool may use fewer cores
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(regreenGCPercent)
	}
	go regreenWatch()
	w := regreenWork{m: m, tests: tests, mutants: slices.Clone(regreenTask.mutants)}
	w.base(others)
	for len(w.mutants) > 0 {
		w.next()
	}
	_, after := m.regreenRunMutant(w.tests, 0, w.limit, true)
	regreenWrite("base %s", after)
	return 0
}

// regreenOpen opens the output file and silences standard output and error.
func regreenOpen(name string) (ok bool) {
	out, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return false
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	regreen.out, os.Stdout, os.Stderr = out, null, null
	return true
}

// regreenWork holds the remaining work of a pool.
type regreenWork struct {
	m       *M
	tests   []InternalTest
	mutants []regreenEntry
	limit   regreenLimit
	retried time.Duration // time for retries of mutants that ran out of steps
}

// base runs the tests with the unchanged code: first up to their failures, to see what they
// reach until then and which mutants behave the same; then to the end, to set the limits; and
// once more, to check that the outcome is the same.
func (w *regreenWork) base(others []InternalTest) {
	m, mode := w.m, regreenTask.mode
	failing := len(w.tests)
	var first string
	var same map[int]bool
	if mode == "package" {
		w.tests = append(w.tests, m.regreenPassing(others)...)
	} else {
		first, same = m.regreenCompareAll(w.tests, w.mutants)
	}
	began, cpu := time.Now(), regreenCPU()
	steps, _ := m.regreenRunMutant(w.tests, 0, regreenUnlimited, true)
	w.limit = regreenLimit{
		steps: regreenLeastSteps + max(10*steps, min(100*steps, regreenFairSteps)),
		wall:  max(20*time.Since(began), regreenLeastWall),
		cpu:   max(20*(regreenCPU()-cpu), regreenLeastCPU*time.Duration(runtime.GOMAXPROCS(0))),
	}
	regreen.idle = max(4*time.Since(began), regreenLeastIdle)
	regreen.brief = mode != "full"
	if regreen.brief && len(w.tests) > 1 {
		w.tests = m.regreenQuickest(w.tests, failing)
	}
	if mode == "holes" {
		w.tests = w.tests[:1] // the quickest one: whatever fixes all tests fixes it
	}
	_, before := m.regreenRunMutant(w.tests, 0, regreenUnlimited, true)
	regreenWrite("base %s", before)
	if regreenKnownFailures(first, before) {
		w.mutants = regreenDropSame(w.mutants, same, "same")
	}
}

// next runs the tests with the next mutant and writes the verdict on it and its duplicates.
func (w *regreenWork) next() {
	id, site := w.mutants[0].id, w.mutants[0].site
	w.mutants = w.mutants[1:]
	if regreenTask.mode == "holes" {
		regreenWrite("done %d %s", id, w.m.regreenSearchPlan(w.tests, id, w.limit))
		return
	}
	if site >= 0 {
		regreenCompared.start(w.mutants, site)
	}
	_, verdict := w.m.regreenRunMutant(w.tests, id, w.limit, false)
	if verdict == "steps" && regreenTask.mode != "package" && w.retried < regreenTask.retry {
		verdict = w.retry(id)
	}
	if i := strings.IndexByte(verdict, ' '); i >= 0 {
		verdict = "fail" + verdict[i:]
	}
	regreenWrite("done %d %s", id, verdict)
	if site >= 0 {
		w.mutants = regreenDropSame(w.mutants, regreenCompared.same(), verdict)
		regreenCompared.start(nil, -1)
	}
}

// retry runs the tests again with a mutant that ran out of steps, and allows it many more.
func (w *regreenWork) retry(mutant int) (verdict string) {
	began := time.Now()
	regreen.retryBegan = began
	_, verdict = w.m.regreenRunMutant(w.tests, mutant, w.limit.longer(regreenTask.retry-w.retried), false)
	regreen.retryBegan = time.Time{}
	w.retried += time.Since(began)
	regreenWrite("retried %s", w.retried)
	return verdict
}

// regreenPassing returns the tests that pass twice.
func (m *M) regreenPassing(tests []InternalTest) []InternalTest {
	for range 2 {
		m.regreenRunMutant(tests, 0, regreenUnlimited, true)
		tests = slices.DeleteFunc(tests, func(t InternalTest) bool { return regreen.failed[t.Name] })
	}
	return tests
}

// regreenTests returns the tests and examples with these names, and the others.
func (m *M) regreenTests(names []string) (tests, others []InternalTest) {
	all := slices.Clone(m.tests)
	for _, e := range m.examples {
		all = append(all, InternalTest{Name: e.Name, F: func(t *T) {
			if !runExample(e) {
				t.Fail()
			}
		}})
	}
	for _, t := range all {
		if slices.Contains(names, t.Name) {
			tests = append(tests, t)
		} else {
			others = append(others, t)
		}
	}
	return tests, others
}

// regreenCompareAll runs the tests with the unchanged code, each up to its first failure. It
// returns the verdict, and the mutants that have chosen the same values everywhere since the
// process began. It writes which mutants did so until the tests began, and which probes the
// tests reached.
func (m *M) regreenCompareAll(tests []InternalTest, mutants []regreenEntry) (verdict string, same map[int]bool) {
	inert := regreenCompared.same()
	for _, e := range mutants {
		if inert[e.id] {
			regreenWrite("inert %d", e.id)
		}
	}
	_, verdict = m.regreenRunMutant(tests, -2, regreenUnlimited, false)
	same = regreenCompared.same()
	regreenCompared.start(nil, -1)
	var reached []byte
	for i, yes := range &RegreenProbes {
		if yes {
			reached = strconv.AppendInt(append(reached, ' '), int64(i), 10)
		}
	}
	regreenWrite("reach%s", reached)
	return verdict, same
}

// regreenLimit limits a run.
type regreenLimit struct {
	steps     int64
	wall, cpu time.Duration
}

var regreenUnlimited = regreenLimit{steps: regreenEndless}

// longer returns the limit of a retry: many more steps, and all the time left.
func (l regreenLimit) longer(left time.Duration) regreenLimit {
	return regreenLimit{l.steps + regreenLongSteps, max(l.wall, left), max(l.cpu, left)}
}

// regreenRunMutant runs the tests with one mutant. The verdict is "pass"; "steps" if it ran out
// of steps; "deep" if its calls were too deep; "unset" if computing its value failed; or else a
// hash of the places where tests failed, and their names.
func (m *M) regreenRunMutant(tests []InternalTest, mutant int, limit regreenLimit, keepGoing bool) (taken int64, verdict string) {
	regreen.Lock()
	regreen.running, regreen.keepGoing, regreen.overrun, regreen.deep = true, keepGoing, false, false
	regreen.failed, regreen.failureHash, regreen.current = make(map[string]bool), 0, mutant
	regreen.deadline = time.Time{}
	if limit.wall > 0 {
		regreen.deadline, regreen.cpuEnd = time.Now().Add(limit.wall), regreenCPU()+limit.cpu
	}
	slice := min(limit.steps, regreenSlice)
	regreen.left = limit.steps - slice
	regreen.Unlock()
	RegreenMutant, RegreenSteps = mutant, slice
	undo, ok := regreenSetVariable(mutant)
	if ok {
		defer undo()
		ok = m.regreenRun(tests)
	}
	taken = limit.steps - regreen.left - RegreenSteps
	RegreenMutant, RegreenSteps = 0, regreenEndless
	regreen.Lock()
	defer regreen.Unlock()
	regreen.running, regreen.deadline = false, time.Time{}
	switch {
	case regreen.deep:
		return taken, "deep"
	case regreen.overrun:
		return taken, "steps"
	case ok && len(regreen.failed) == 0:
		return taken, "pass"
	case undo == nil:
		return taken, "unset"
	}
	failed := make([]string, 0, len(regreen.failed))
	for name := range regreen.failed {
		failed = append(failed, name)
	}
	slices.Sort(failed)
	return taken, strconv.FormatUint(regreen.failureHash, 16) + " " + strings.Join(failed, " ")
}

// regreenQuickest sorts the first n tests, the failing ones, by their steps, since the first
// failure is enough. The others keep their order.
func (m *M) regreenQuickest(tests []InternalTest, n int) []InternalTest {
	type timed struct {
		test  InternalTest
		steps int64
	}
	all := make([]timed, n)
	for i := range all {
		steps, verdict := m.regreenRunMutant(tests[i:i+1], 0, regreenUnlimited, true)
		if verdict == "pass" { // it fails only together with others
			steps = regreenEndless
		}
		all[i] = timed{tests[i], steps}
	}
	slices.SortStableFunc(all, func(a, b timed) int { return cmp.Compare(a.steps, b.steps) })
	tests = slices.Clone(tests)
	for i, t := range all {
		tests[i] = t.test
	}
	return tests
}
