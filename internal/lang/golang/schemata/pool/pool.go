//go:build regreen_pool

// Package pool is added to package testing of the standard library in test programs that
// contain many mutants; see pool.go and edittesting.go in the parent directory. All names begin
// with regreen, so that they do not clash with those of package testing.
package pool

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The variables that the packages of mutants use.
var (
	// RegreenMutant is the mutant that is active: 0 means the unchanged code, -1 the time before
	// a pool begins its work, -2 the unchanged code while it is compared with mutants.
	RegreenMutant = regreenInitialMutant()
	// RegreenSteps counts down with every loop iteration and every call; see regreenSlice.
	RegreenSteps int64 = regreenEndless
	// RegreenValueSite is the value site at which mutants are compared with what runs: none (-1),
	// one, or all (-2).
	RegreenValueSite = -1
	// RegreenProbes holds for each probe whether the code reached it.
	RegreenProbes [1 << 16]bool
)

const (
	regreenEndless = 1 << 62
	// regreenLeastSteps is the lowest limit for steps. Passing code runs further than failing code,
	// so the limit is well above the steps of the unchanged code. A step takes one to a hundred
	// nanoseconds.
	regreenLeastSteps = 500_000
	// regreenFairSteps is the highest limit that may be a hundred times the steps of the unchanged
	// code. A higher limit is ten times the steps, or an endless loop in a slow test would take
	// seconds.
	regreenFairSteps = 5_000_000
	regreenLeastWall = 500 * time.Millisecond
	// regreenLeastCPU is the lowest limit for processor time, which a loop in code without steps
	// takes. A busy machine does not increase it, so this limit is lower than the clock's.
	regreenLeastCPU = 100 * time.Millisecond
	// regreenLongSteps is the number of further steps for a retry. Some tests take far more
	// steps to pass than to fail, so a mutant that ran out of steps is retried as long as
	// the pool has time.
	regreenLongSteps = 30_000_000
	// regreenSlice is the number of steps handed out at a time. After each slice the depth
	// of the calls is checked, to stop an endless recursion before the stack overflows and
	// ends the process.
	regreenSlice       = 50_000
	regreenMostCalls   = 20_000
	regreenMostMemory  = 2 << 30
	regreenGCPercent   = 400 // collect garbage less often: the process is short-lived
	regreenMostStack   = 256 << 20
	regreenLeastIdle   = 60 * time.Millisecond
	regreenWatchPeriod = 10 * time.Millisecond
)

var regreen struct {
	sync.Mutex
	running     bool            // tests run for a pool
	keepGoing   bool            // tests continue after a failure
	brief       bool            // the first failure of any test is enough
	overrun     bool            // the steps ran out
	left        int64           // steps after those of the slice
	deep        bool            // calls are too deep
	deepBase    bool            // calls of the unchanged code are too deep
	early       []int           // functions that were called before the pool began
	failed      map[string]bool // names of tests
	failureHash uint64          // of the places of the failures
	current     int             // mutant
	deadline    time.Time
	cpuEnd      time.Duration // limit of the processor time of the process
	retryBegan  time.Time     // when the retry of a mutant that ran out of steps began
	idle        time.Duration // how long nothing happens before it counts as a deadlock
	out         *os.File
}

func regreenInitialMutant() int {
	if name := os.Getenv("REGREEN_POOL"); name != "" {
		regreenTask.read(name)
		return -1
	}
	n, _ := strconv.Atoi(os.Getenv("REGREEN_MUTANT"))
	if n > 0 {
		debug.SetMaxStack(regreenMostStack) // end an endless recursion soon
		regreen.running = os.Getenv("REGREEN_BRIEF") != ""
		regreen.brief, regreen.failed = regreen.running, make(map[string]bool)
	}
	return n
}

// regreenTask is the task of this pool.
var regreenTask regreenPoolTask

type regreenPoolTask struct {
	err     error
	mode    string
	retry   time.Duration // for retries of mutants that ran out of steps
	names   []string      // of the top-level tests and examples
	mutants []regreenEntry
}

// regreenEntry is a mutant and the value site at which it chooses a value; -1 for none.
type regreenEntry struct{ id, site int }

// read reads the file that regreenPool describes.
func (p *regreenPoolTask) read(name string) {
	text, err := os.ReadFile(name)
	if err != nil {
		p.err = err
		return
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	mode, retry, _ := strings.Cut(lines[0], " ")
	if p.retry, err = time.ParseDuration(retry); err != nil {
		p.err = err
		return
	}
	p.mode, p.names = mode, strings.Fields(lines[1])
	for _, line := range lines[2:] {
		id, site, chooses := strings.Cut(line, " ")
		e := regreenEntry{site: -1}
		if e.id, err = strconv.Atoi(id); err == nil && chooses {
			e.site, err = strconv.Atoi(site)
		}
		if err != nil {
			p.err = err
			return
		}
		p.mutants = append(p.mutants, e)
	}
	regreenCompared.start(p.mutants, -2)
}

// RegreenEarly records a function that is called before the pool begins: what it did then
// cannot be repeated as a mutant.
func RegreenEarly(function int) {
	regreen.Lock()
	defer regreen.Unlock()
	if !slices.Contains(regreen.early, function) {
		regreen.early = append(regreen.early, function)
	}
}

// regreenSets holds the mutants that set a package-level variable. Each returns a function that
// undoes that.
var regreenSets = make(map[int]func() (undo func()))

// RegreenSet registers such a mutant, and sets the variable if the mutant is active.
func RegreenSet(mutant int, set func() (undo func())) {
	if RegreenMutant == mutant {
		set()
	}
	regreenSets[mutant] = set
}

// regreenSetVariable sets the variable of a mutant. ok is false if computing the value fails.
func regreenSetVariable(mutant int) (undo func(), ok bool) {
	set := regreenSets[mutant]
	if set == nil {
		return func() {}, true
	}
	done := make(chan bool)
	go func() { // a goroutine, because it may run out of steps
		defer func() { _ = recover(); close(done) }()
		undo = set()
		ok = true
	}()
	<-done
	return undo, ok
}

// RegreenOverrun hands out the next slice of steps, or ends a goroutine that took too many or
// calls too deep. Its deferred calls get a few steps.
func RegreenOverrun() {
	regreen.Lock()
	defer regreen.Unlock()
	if !regreen.overrun && !regreen.deepBase {
		var pcs [1]uintptr
		regreen.deep = runtime.Callers(regreenMostCalls, pcs[:]) > 0
	}
	if regreen.keepGoing && regreen.deep {
		regreen.deepBase, regreen.deep = true, false
	}
	if !regreen.deep && !regreen.overrun && regreen.left > 0 {
		RegreenSteps = min(regreen.left, regreenSlice)
		regreen.left -= RegreenSteps
		return
	}
	regreen.overrun = true
	RegreenSteps = 1 << 20
	runtime.Goexit()
}

func regreenWrite(format string, args ...any) { fmt.Fprintf(regreen.out, format+"\n", args...) }
