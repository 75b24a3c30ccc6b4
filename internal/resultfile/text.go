package resultfile

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/testrun"
)

const (
	maxName   = 4 << 10  // bytes of a name
	maxOutput = 64 << 10 // bytes of the output of a failure
	maxKept   = 32 << 20 // bytes of output of a file's failures; past it each keeps minOutput
	minOutput = 2 << 10
)

// unknown is the kind of what failed without a word: mostly since a part of it did.
const unknown = report.UnknownKind

// ownKind reports whether a kind is one of those that regreen itself writes.
func ownKind(kind string) bool {
	return kind == unknown || kind == string(report.NotRun) || slices.Contains(testrun.Kinds, testrun.Kind(kind))
}

var (
	goPanic   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s*(panic: |fatal error: )`) })
	timedOut  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\btim(ed|e)[- ]?out`) })
	exception = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\s*(?:Uncaught |\[)*((?:[A-Za-z_]\w*[.:])*[A-Za-z_]\w*(?:Error|Exception))\b`)
	})
	// thrown is a line of output with the exception that ended a program.
	thrown = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^(?:E  )? *((?:[A-Za-z_]\w*[.:])*[A-Za-z_]\w*(?:Error|Exception)(?: \[\w+\])?: .+)$`)
	})
	// unloaded is how languages say that a module is not there, has not what is imported
	// from it, or cannot be parsed while it is loaded.
	unloaded = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^collection failure$|\b(?:ModuleNotFoundError|ImportError|LoadError|ClassNotFoundException|NoClassDefFoundError)\b` +
			`|\b(?:ERR_)?MODULE_NOT_FOUND\b|\bCannot find (?:module|package) '|does not provide an export named|\bFailed to resolve import\b|cannot load such file -- `)
	})
)

// kindOf tells the kind of a failure by what the tool calls it and what was printed.
// crashed says that the tool sets it apart from a failed assertion.
func kindOf(typ, message, output string, crashed bool) string {
	if ownKind(typ) {
		return typ
	}
	switch {
	case strings.Contains(output, "WARNING: DATA RACE"):
		return string(testrun.Race)
	case timedOut().MatchString(typ), timedOut().MatchString(message), strings.Contains(output, "panic: test timed out"):
		return string(testrun.Timeout)
	case strings.Contains(output, "[build failed]"), strings.Contains(output, "[setup failed]"):
		return string(testrun.Compile)
	case goPanic().MatchString(output):
		return string(testrun.Panic)
	}
	asserted := false
	for _, text := range []string{typ, message} {
		if m := exception().FindStringSubmatch(text); m != nil {
			asserted = asserted || strings.Contains(m[1], "Assert")
			crashed = crashed || !strings.Contains(m[1], "Assert")
		}
	}
	switch {
	case !asserted && unloaded().MatchString(message), (crashed || says(message) == "") && unloaded().MatchString(output):
		return string(testrun.Import)
	case crashed:
		return string(testrun.Exception)
	case says(message) == "" && firstLine(output) == "":
		return unknown
	}
	return string(testrun.Assertion)
}

// wentWrong matches what tools call statuses of their own that are failures.
var wentWrong = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)fail|error|crash|abort|interrupt|time.?out|timed`)
})

// saysNothing are messages that tools put where they have none.
var saysNothing = []string{"", "failed", "failure", "error", "test failed", "test failure", "test error", "collection failure"}

var (
	framing = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\s*(=== |--- (FAIL|PASS|SKIP): |FAIL\b|exit status \d+)`)
	})
	goEntry = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s+\S+\.go:\d+: (.+)$`) })
)

// says is a tool's message on a line, or "" when it says nothing.
func says(message string) string {
	line := testrun.OneLine(message)
	if slices.Contains(saysNothing, strings.ToLower(line)) {
		return ""
	}
	return line
}

// firstLine is the first line of output that says something.
func firstLine(output string) string {
	for line := range strings.Lines(output) {
		if text := testrun.OneLine(line); text != "" && !framing().MatchString(line) {
			return text
		}
	}
	return ""
}

// messageOf is a message of one line: the tool's own, or what the output says first.
func messageOf(message, output string) string {
	if line := says(message); line != "" {
		return line
	}
	output = output[:min(len(output), maxOutput)]
	for _, form := range []*regexp.Regexp{goEntry(), thrown()} {
		if m := form.FindStringSubmatch(output); m != nil {
			return testrun.OneLine(m[1])
		}
	}
	return cmp.Or(firstLine(output), "failed without a message")
}

// trimmed is text without the empty lines and blanks that a file's layout puts around it.
func trimmed(text string) string {
	text = strings.TrimRight(text, " \t\r\n")
	if i := strings.LastIndexByte(text[:len(text)-len(strings.TrimLeft(text, " \t\r\n"))], '\n'); i >= 0 {
		text = text[i+1:]
	}
	return text
}

// name is the name of a test or package: valid, of bounded length, and without blanks
// around it.
func name(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > maxName {
		text = text[:maxName] + "…"
	}
	return strings.ToValidUTF8(text, "\ufffd")
}

// keeper caps the output of a file's failures.
type keeper struct{ kept int }

// output is as much of text as a failure may keep, head and tail, and how many bytes
// were left out between.
func (k *keeper) output(text string) (kept string, truncated int) {
	most := maxOutput
	if k.kept > maxKept {
		most = minOutput
	}
	if truncated = len(text) - most; truncated > 0 {
		text = fmt.Sprintf("%s\n[... %d bytes left out ...]\n%s", text[:most/2], truncated, text[len(text)-most/2:])
	}
	k.kept += len(text)
	return strings.ToValidUTF8(text, "\ufffd"), max(truncated, 0)
}

// number reads a duration in seconds; some tools group its thousands.
func number(s string) float64 {
	n, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(s), ",", ""), 64)
	if err != nil {
		return 0
	}
	return seconds(n)
}

// seconds is a duration that a report takes.
func seconds(n float64) float64 {
	const most = 1e9
	if math.IsNaN(n) || n < 0 {
		return 0
	}
	return min(n, most)
}
