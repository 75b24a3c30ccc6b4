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

// regreenPool runs the tests once for each mutant that the file names:
//
//	brief, full, package or holes, and how long what runs out of steps may be tried again
//	names of the top-level tests and examples, separated by spaces
//	numbers of mutants, a line each, with the value site of one that chooses a value
//
// and writes a line for each to the file's name with .out.
func (m *M) regreenPool(name string) int {
	if regreenTask.err != nil || !regreenOpen(name+".out") {
		return 3
	}
	for _, function := range regreen.early {
		regreenSay("early %d", function)
	}
	tests, others := m.regreenTests(regreenTask.names)
	if len(tests) != len(regreenTask.names) {
		return 3
	}
	debug.SetMaxStack(regreenMostStack)
	*parallel = max(*parallel, runtime.NumCPU()) // whatever share of the cores a pool has
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(regreenGCPercent)
	}
	go regreenWatch()
	w := regreenWork{m: m, tests: tests, mutants: slices.Clone(regreenTask.mutants)}
	w.base(others)
	for len(w.mutants) > 0 {
		w.next()
	}
	_, after := m.regreenOne(w.tests, 0, w.limit, true)
	regreenSay("base %s", after)
	return 0
}

// regreenOpen opens the file that is written, and has nothing else printed.
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

// regreenWork is what a pool has left to do.
type regreenWork struct {
	m       *M
	tests   []InternalTest
	mutants []regreenEntry
	limit   regreenLimit
	late    time.Duration // that was taken by what ran out of steps
}

// base runs the tests as the code stands: first up to the failures, which shows what is
// reached before them, and which mutants do the same there; then to the end, which shows
// how much is too much; and once more, to see that the outcome is the same.
func (w *regreenWork) base(others []InternalTest) {
	m, mode := w.m, regreenTask.mode
	failing := len(w.tests)
	var first string
	var same map[int]bool
	if mode == "package" {
		w.tests = append(w.tests, m.regreenGreen(others)...)
	} else {
		first, same = m.regreenCompareAll(w.tests, w.mutants)
	}
	began, cpu := time.Now(), regreenCPU()
	steps, _ := m.regreenOne(w.tests, 0, regreenUnlimited, true)
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
		w.tests = w.tests[:1] // what fixes all of them fixes it, and it has the fewest decisions
	}
	_, before := m.regreenOne(w.tests, 0, regreenUnlimited, true)
	regreenSay("base %s", before)
	if regreenAgree(first, before) {
		w.mutants = regreenLess(w.mutants, same, "same")
	}
}

// next runs the tests as the next mutant, and says its verdict and that of those that did
// the same.
func (w *regreenWork) next() {
	id, site := w.mutants[0].id, w.mutants[0].site
	w.mutants = w.mutants[1:]
	if regreenTask.mode == "holes" {
		regreenSay("done %d %s", id, w.m.regreenDecide(w.tests, id, w.limit))
		return
	}
	if site >= 0 {
		regreenCompared.watch(w.mutants, site)
	}
	_, verdict := w.m.regreenOne(w.tests, id, w.limit, false)
	if verdict == "steps" && regreenTask.mode != "package" && w.late < regreenTask.late {
		verdict = w.again(id)
	}
	if i := strings.IndexByte(verdict, ' '); i >= 0 {
		verdict = "fail" + verdict[i:]
	}
	regreenSay("done %d %s", id, verdict)
	if site >= 0 {
		w.mutants = regreenLess(w.mutants, regreenCompared.same(), verdict)
		regreenCompared.watch(nil, -1)
	}
}

// again runs the tests with many more steps as a mutant that ran out of them.
func (w *regreenWork) again(mutant int) (verdict string) {
	began := time.Now()
	regreen.again = began
	_, verdict = w.m.regreenOne(w.tests, mutant, w.limit.longer(regreenTask.late-w.late), false)
	regreen.again = time.Time{}
	w.late += time.Since(began)
	regreenSay("late %s", w.late)
	return verdict
}

// regreenGreen returns those of the tests that pass, twice.
func (m *M) regreenGreen(tests []InternalTest) []InternalTest {
	for range 2 {
		m.regreenOne(tests, 0, regreenUnlimited, true)
		tests = slices.DeleteFunc(tests, func(t InternalTest) bool { return regreen.failed[t.Name] })
	}
	return tests
}

// regreenTests returns the tests and examples with the names, and the others.
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

// regreenCompareAll runs the tests as the code stands, each up to its first failure: what
// came of it, and the mutants that chose the same values everywhere since the process
// began. It also says which of them did so before, and what was reached.
func (m *M) regreenCompareAll(tests []InternalTest, mutants []regreenEntry) (verdict string, same map[int]bool) {
	inert := regreenCompared.same()
	for _, e := range mutants {
		if inert[e.id] {
			regreenSay("inert %d", e.id)
		}
	}
	_, verdict = m.regreenOne(tests, -2, regreenUnlimited, false)
	same = regreenCompared.same()
	regreenCompared.watch(nil, -1)
	var reached []byte
	for i, yes := range &RegreenReach {
		if yes {
			reached = strconv.AppendInt(append(reached, ' '), int64(i), 10)
		}
	}
	regreenSay("reach%s", reached)
	return verdict, same
}

// regreenLimit is what a run may take.
type regreenLimit struct {
	steps     int64
	wall, cpu time.Duration // of the clock and of the processors
}

var regreenUnlimited = regreenLimit{steps: regreenEndless}

// longer is the limit for what takes far more steps to pass than to fail, when there is so
// much time for it.
func (l regreenLimit) longer(left time.Duration) regreenLimit {
	return regreenLimit{l.steps + regreenLongSteps, max(l.wall, left), max(l.cpu, left)}
}

// regreenOne runs the tests as one mutant: "pass", "steps", "deep", "unset" for one whose
// value cannot be had, or a sum of the places where they fail and the names of what failed.
func (m *M) regreenOne(tests []InternalTest, mutant int, limit regreenLimit, patient bool) (taken int64, verdict string) {
	regreen.Lock()
	regreen.open, regreen.patient, regreen.over, regreen.deep = true, patient, false, false
	regreen.failed, regreen.places, regreen.current = make(map[string]bool), 0, mutant
	regreen.deadline = time.Time{}
	if limit.wall > 0 {
		regreen.deadline, regreen.cpuEnd = time.Now().Add(limit.wall), regreenCPU()+limit.cpu
	}
	slice := min(limit.steps, regreenSlice)
	regreen.left = limit.steps - slice
	regreen.Unlock()
	RegreenMutant, RegreenSteps = mutant, slice
	undo, ok := regreenSetting(mutant)
	if ok {
		defer undo()
		ok = m.regreenRun(tests)
	}
	taken = limit.steps - regreen.left - RegreenSteps
	RegreenMutant, RegreenSteps = 0, regreenEndless
	regreen.Lock()
	defer regreen.Unlock()
	regreen.open, regreen.deadline = false, time.Time{}
	switch {
	case regreen.deep:
		return taken, "deep"
	case regreen.over:
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
	return taken, strconv.FormatUint(regreen.places, 16) + " " + strings.Join(failed, " ")
}

// regreenQuickest puts those of the first n tests, the failing ones, first that take the
// fewest steps, since the first failure is enough. The others keep their order.
func (m *M) regreenQuickest(tests []InternalTest, n int) []InternalTest {
	type timed struct {
		test  InternalTest
		steps int64
	}
	all := make([]timed, n)
	for i := range all {
		steps, verdict := m.regreenOne(tests[i:i+1], 0, regreenUnlimited, true)
		if verdict == "pass" { // only together with others does it fail
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
