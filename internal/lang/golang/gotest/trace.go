package gotest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// block is one goroutine of a traceback, or one access of a race report.
type block struct {
	header string
	calls  []string        // names of all functions, innermost first
	frames []testrun.Frame // the functions inside the tree, and last the go statement
}

var (
	// blockHeader matches the first line of a block: "goroutine 7 [running]:",
	// "Previous write at 0x... by goroutine 8:", "Goroutine 9 (running) created at:".
	blockHeader = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(goroutine \d+ .*\[.*\]:?|(Read|Write|Previous read|Previous write|Atomic \w+|Previous atomic \w+) (at|by) .*:|(Goroutine|Main goroutine).*created at:)$`)
	})
	// blockPlace matches the second of a frame's two lines.
	blockPlace = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s+(\S.*?):(\d+)(?: \+0x[0-9a-f]+)?(?: fp=.*)?$`) })
)

// parseTrace returns the goroutines of a traceback of the runtime or the race detector.
func (t tree) parseTrace(text string) []block {
	var blocks []block
	call, created := "", false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case blockHeader().MatchString(line):
			blocks = append(blocks, block{header: line})
			call = ""
		case len(blocks) == 0:
		case strings.TrimSpace(line) == "":
			call = ""
		default:
			b := &blocks[len(blocks)-1]
			place := blockPlace().FindStringSubmatch(line)
			if place == nil || call == "" {
				call, created = functionName(line), strings.HasPrefix(line, "created by ")
				continue
			}
			if !created {
				b.calls = append(b.calls, call)
			}
			if file := t.file(place[1], ""); file != "" {
				number, _ := strconv.Atoi(place[2])
				b.frames = append(b.frames, testrun.Frame{Func: call, Location: testrun.Location{File: file, Line: number}})
			}
			call = ""
		}
	}
	return blocks
}

// functionName returns the name in "m/p.(*T).Method(0xc000, {0x1, 0x2})", and in "created by
// m/p.F in goroutine 1".
func functionName(line string) string {
	line = strings.TrimSpace(line)
	line = strings.TrimPrefix(line, "created by ")
	line, _, _ = strings.Cut(line, " in goroutine ")
	if !strings.HasSuffix(line, ")") {
		return line
	}
	depth := 0
	for i := len(line) - 1; i >= 0; i-- {
		switch line[i] {
		case ')':
			depth++
		case '(':
			if depth--; depth == 0 {
				return line[:i]
			}
		}
	}
	return line
}

// crashSigns matches the lines that a program prints first when it crashes.
var crashSigns = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(panic: |fatal error: |runtime: goroutine stack exceeds|SIG[A-Z]+: |unexpected fault address|signal: )`)
})

// raceSign begins the report of a data race.
const raceSign = "WARNING: DATA RACE"

// crash is a program's own report of its crash.
type crash struct {
	message string
	timeout bool
	running []string // the tests that a timeout names
	blocks  []block
	frames  []testrun.Frame // of the goroutine that crashed
}

var (
	timedOut    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^panic: (test timed out after \S+)`) })
	runningTest = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^\t\t((?:Test|Fuzz|Benchmark|Example)\S*) \([\d.a-zµ]+\)$`)
	})
	repanicked = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(` \[recovered(, repanicked)?\]$`) })
)

// findCrash returns the crash that output shows; ok is false if it shows none.
func (t tree) findCrash(output string) (c crash, ok bool) {
	at := crashSigns().FindStringIndex(output)
	if at == nil {
		return crash{}, false
	}
	output = output[at[0]:]
	c.blocks = t.parseTrace(output)
	if m := timedOut().FindStringSubmatch(output); m != nil {
		c.timeout, c.message = true, m[1]
		head, _, _ := strings.Cut(output, "\n\n")
		for _, test := range runningTest().FindAllStringSubmatch(head, -1) {
			c.running = append(c.running, test[1])
		}
		return c, true
	}
	c.message = panicMessage(output)
	for _, b := range c.blocks {
		if len(b.frames) > 0 {
			c.frames = b.frames
			break
		}
	}
	return c, true
}

// panicMessage returns the value of a panic, which may have several lines, or the line of a
// fatal error.
func panicMessage(output string) string {
	var parts []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "fatal error: ") {
			return testrun.OneLine(line)
		}
		again := len(parts) > 0 && strings.HasPrefix(line, "panic: ") // a panic while panicking
		if again || strings.HasPrefix(line, "goroutine ") || strings.HasPrefix(line, "[signal ") {
			break
		}
		if !strings.HasPrefix(line, "runtime: ") { // precedes a fatal error
			parts = append(parts, repanicked().ReplaceAllString(line, ""))
		}
	}
	return testrun.OneLine(strings.Join(parts, " "))
}

// hangingFrames returns the frames of the goroutine in which a test hangs, of all goroutines
// of a timeout. A goroutine that only waits for a subtest does not count.
func hangingFrames(blocks []block, test string) []testrun.Frame {
	top, _, _ := strings.Cut(test, "/")
	var best []testrun.Frame
	bestRank := 0
	for _, b := range blocks {
		if len(b.frames) == 0 {
			continue
		}
		rank := 1
		for _, call := range b.calls {
			if call == "testing.(*T).Run" {
				rank = 0 // it waits for a subtest
				break
			}
			if call == "testing.tRunner" {
				rank = 2
				if slices.ContainsFunc(b.frames, func(f testrun.Frame) bool { return functionOf(f.Func, top) }) {
					rank = 3
				}
			}
		}
		if rank > bestRank {
			best, bestRank = b.frames, rank
		}
	}
	return best
}

// functionOf reports whether a function, as a traceback names it, is the test or a
// closure in it.
func functionOf(name, test string) bool {
	for part := range strings.SplitSeq(name[strings.LastIndexByte(name, '/')+1:], ".") {
		if part == test {
			return true
		}
	}
	return false
}

// race returns a race report in one line, and the frames of its accesses.
func (t tree) race(output string) (message string, frames []testrun.Frame) {
	_, report, _ := strings.Cut(output, raceSign)
	report, _, _ = strings.Cut(report, "\n==================")
	var accesses []string
	for _, b := range t.parseTrace(report) {
		if strings.Contains(b.header, "created at:") {
			break
		}
		kind, _, _ := strings.Cut(b.header, " at 0x")
		place := ""
		if len(b.frames) > 0 {
			place = " in " + b.frames[0].Func + " (" + b.frames[0].File + ":" + strconv.Itoa(b.frames[0].Line) + ")"
		}
		accesses = append(accesses, strings.ToLower(kind)+place)
		frames = append(frames, b.frames...)
	}
	return testrun.OneLine("data race: " + strings.Join(accesses, ", ")), frames
}
