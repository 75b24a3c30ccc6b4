//go:build regreen_pool

// Package pool is laid into package testing of the standard library, in the test
// programs that hold many mutants; see pool.go and edittesting.go of the folder above.
// All names begin with regreen, so that they are apart from those of package testing.
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

// What the packages of mutants work with.
var (
	// RegreenMutant is the mutant to be: 0 is the code as it stands, -1 the
	// time before a pool begins its work, -2 the code as it stands where it is compared
	// with mutants.
	RegreenMutant = regreenFirst()
	// RegreenSteps counts down with every turn of a loop and every call; see regreenSlice.
	RegreenSteps int64 = regreenEndless
	// RegreenValueSite is the value site at which mutants are compared with what runs: none (-1),
	// one, or all (-2).
	RegreenValueSite = -1
	// RegreenReach are the probes, by number: whether the code got there.
	RegreenReach [1 << 16]bool
)

const (
	regreenEndless = 1 << 62
	// What passes runs further than what fails, so there is room above the steps that
	// the code takes as it stands; a step takes one to a hundred nanoseconds.
	regreenLeastSteps = 500_000
	// Up to here a hundred times as many are no loss; beyond, ten times are enough, or
	// one endless loop in a slow test takes seconds.
	regreenFairSteps = 5_000_000
	regreenLeastWall = 500 * time.Millisecond
	// What spins in code that has no steps takes processor time, which a busy machine does
	// not prolong: so there is less of it than of the clock's.
	regreenLeastCPU = 100 * time.Millisecond
	// Some tests take far more steps to pass than to fail: what ran out of them is
	// tried again with many more, as long as the time lasts that the pool has for that.
	regreenLongSteps = 30_000_000
	// The steps are given out in slices, after each of which the depth of the calls is
	// looked at: an endless recursion is to end before the stack does, and with it the
	// process.
	regreenSlice       = 50_000
	regreenMostCalls   = 20_000
	regreenMostMemory  = 2 << 30
	regreenGCPercent   = 400 // garbage is collected when there is more of it: the process is short-lived
	regreenMostStack   = 256 << 20
	regreenLeastIdle   = 60 * time.Millisecond
	regreenWatchPeriod = 10 * time.Millisecond
)

var regreen struct {
	sync.Mutex
	open     bool            // a pool is at work
	patient  bool            // tests go on after they failed
	brief    bool            // the first failure of any test is enough
	over     bool            // the steps ran out
	left     int64           // steps, behind those of the slice
	deep     bool            // calls went deeper than they should
	deepBase bool            // they do so as the code stands
	early    []int           // functions that were called before the pool began
	failed   map[string]bool // names of tests
	places   uint64          // of the failures
	current  int
	deadline time.Time
	cpuEnd   time.Duration // of the process's processor time
	again    time.Time     // since when one that ran out of steps is tried again
	idle     time.Duration // after which a deadlock is taken for one
	out      *os.File
}

func regreenFirst() int {
	if name := os.Getenv("REGREEN_POOL"); name != "" {
		regreenTask.read(name)
		return -1
	}
	n, _ := strconv.Atoi(os.Getenv("REGREEN_MUTANT"))
	if n > 0 {
		debug.SetMaxStack(regreenMostStack) // an endless recursion is to end soon
		regreen.open = os.Getenv("REGREEN_BRIEF") != ""
		regreen.brief, regreen.failed = regreen.open, make(map[string]bool)
	}
	return n
}

// regreenTask is what a pool has to do.
var regreenTask regreenOrder

type regreenOrder struct {
	err     error
	mode    string
	late    time.Duration // for what takes far more steps to pass than to fail
	names   []string      // of the top-level tests and examples
	mutants []regreenEntry
}

// regreenEntry is a mutant and the value site at which it chooses a value; -1 for none.
type regreenEntry struct{ id, site int }

// read reads the file that regreenPool describes.
func (o *regreenOrder) read(name string) {
	text, err := os.ReadFile(name)
	if err != nil {
		o.err = err
		return
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	mode, late, _ := strings.Cut(lines[0], " ")
	if o.late, err = time.ParseDuration(late); err != nil {
		o.err = err
		return
	}
	o.mode, o.names = mode, strings.Fields(lines[1])
	for _, line := range lines[2:] {
		id, site, chooses := strings.Cut(line, " ")
		e := regreenEntry{site: -1}
		if e.id, err = strconv.Atoi(id); err == nil && chooses {
			e.site, err = strconv.Atoi(site)
		}
		if err != nil {
			o.err = err
			return
		}
		o.mutants = append(o.mutants, e)
	}
	regreenCompared.watch(o.mutants, -2)
}

// RegreenEarly notes a function that is called before the pool begins: what it
// did then cannot be done again as a mutant.
func RegreenEarly(function int) {
	regreen.Lock()
	defer regreen.Unlock()
	if !slices.Contains(regreen.early, function) {
		regreen.early = append(regreen.early, function)
	}
}

// regreenSets are the mutants that set a package-level variable, and return how to undo
// that.
var regreenSets = make(map[int]func() (undo func()))

// RegreenSet notes such a mutant; the one that the process is for is set at once.
func RegreenSet(mutant int, set func() (undo func())) {
	if RegreenMutant == mutant {
		set()
	}
	regreenSets[mutant] = set
}

// regreenSetting sets what a mutant sets; it is not ok when the value cannot be had.
func regreenSetting(mutant int) (undo func(), ok bool) {
	set := regreenSets[mutant]
	if set == nil {
		return func() {}, true
	}
	done := make(chan bool)
	go func() { // which may run out of steps
		defer func() { _ = recover(); close(done) }()
		undo = set()
		ok = true
	}()
	<-done
	return undo, ok
}

// RegreenOverrun gives out the next slice of steps, or ends a goroutine that took
// too many or calls too deep; its deferred calls get a few.
func RegreenOverrun() {
	regreen.Lock()
	defer regreen.Unlock()
	if !regreen.over && !regreen.deepBase {
		var pcs [1]uintptr
		regreen.deep = runtime.Callers(regreenMostCalls, pcs[:]) > 0
	}
	if regreen.patient && regreen.deep {
		regreen.deepBase, regreen.deep = true, false
	}
	if !regreen.deep && !regreen.over && regreen.left > 0 {
		RegreenSteps = min(regreen.left, regreenSlice)
		regreen.left -= RegreenSteps
		return
	}
	regreen.over = true
	RegreenSteps = 1 << 20
	runtime.Goexit()
}

func regreenSay(format string, args ...any) { fmt.Fprintf(regreen.out, format+"\n", args...) }
