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
	maxKept   = 32 << 20 // bytes of output of all failures of a file; beyond it each keeps minOutput
	minOutput = 2 << 10
)

// unknown is the kind of a failure without details, mostly of a test with a failed part.
const unknown = report.UnknownKind

// ownKind reports whether a kind is one that regreen writes.
func ownKind(kind string) bool {
	return kind == unknown || kind == string(report.NotRun) || slices.Contains(testrun.Kinds, testrun.Kind(kind))
}

var (
	goPanic   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s*(panic: |fatal error: )`) })
	timedOut  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\btim(ed|e)[- ]?out`) })
	exception = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\s*(?:Uncaught |\[)*((?:[A-Za-z_]\w*[.:])*[A-Za-z_]\w*(?:Error|Exception))\b`)
	})
	// thrown matches a line of output with the exception that ended a program.
	thrown = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^(?:E  )? *((?:[A-Za-z_]\w*[.:])*[A-Za-z_]\w*(?:Error|Exception)(?: \[\w+\])?: .+)$`)
	})
	// unloaded matches what languages print if a module is missing, does not have what is
	// imported from it, or cannot be parsed when it is loaded.
	unloaded = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^collection failure$|\b(?:ModuleNotFoundError|ImportError|LoadError|ClassNotFoundException|NoClassDefFoundError)\b` +
			`|\b(?:ERR_)?MODULE_NOT_FOUND\b|\bCannot find (?:module|package) '|does not provide an export named|\bFailed to resolve import\b|cannot load such file -- `)
	})
)

// kindOf returns the kind of a failure, from what the tool calls it and what was printed.
// crashed is set if the tool distinguishes it from a failed assertion.
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
	case (strings.Contains(output, "panic: ") || strings.Contains(output, "fatal error: ")) && goPanic().MatchString(output):
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
	case !asserted && unloaded().MatchString(message), (crashed || meaningful(message) == "") && unloaded().MatchString(output):
		return string(testrun.Import)
	case crashed:
		return string(testrun.Exception)
	case meaningful(message) == "" && firstLine(output) == "":
		return unknown
	}
	return string(testrun.Assertion)
}

// failing matches the statuses of tools that mean a failure.
var failing = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)fail|error|crash|abort|interrupt|time.?out|timed`)
})

// placeholders are the texts that tools write if they have no message.
var placeholders = []string{"", "failed", "failure", "error", "test failed", "test failure", "test error", "collection failure"}

var (
	framing = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\s*(=== |--- (FAIL|PASS|SKIP): |FAIL\b|exit status \d+)`)
	})
	goEntry = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s+\S+\.go:\d+: (.+)$`) })
)

// meaningful returns a tool's message in one line, or "" if it is a placeholder.
func meaningful(message string) string {
	line := testrun.OneLine(message)
	if slices.Contains(placeholders, strings.ToLower(line)) {
		return ""
	}
	return line
}

// firstLine returns the first line of output that has text and is not framing of go test.
func firstLine(output string) string {
	for line := range strings.Lines(output) {
		if text := testrun.OneLine(line); text != "" && !framing().MatchString(line) {
			return text
		}
	}
	return ""
}

// messageOf returns a message of one line: the tool's own, or one from the output.
func messageOf(message, output string) string {
	if line := meaningful(message); line != "" {
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

// escapes matches the colors and other escape sequences of terminals.
var escapes = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])`)
})

// withoutEscapes returns a line without escape sequences.
func withoutEscapes(line string) string {
	if strings.IndexByte(line, 0x1b) < 0 {
		return line
	}
	return escapes().ReplaceAllString(line, "")
}

// trimmed returns text without the empty lines and blanks of the file's layout around it.
func trimmed(text string) string {
	text = strings.TrimRight(text, " \t\r\n")
	if i := strings.LastIndexByte(text[:len(text)-len(strings.TrimLeft(text, " \t\r\n"))], '\n'); i >= 0 {
		text = text[i+1:]
	}
	return text
}

// name returns the name of a test or package as valid UTF-8 of bounded length, without
// blanks around it.
func name(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > maxName {
		text = text[:maxName] + "…"
	}
	return strings.ToValidUTF8(text, "\ufffd")
}

// keeper caps the output of a file's failures.
type keeper struct{ kept int }

// output returns as much of text as a failure may keep, head and tail, and how many bytes
// are left out in between.
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

// number parses a duration in seconds; some tools group its thousands.
func number(s string) float64 {
	n, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(s), ",", ""), 64)
	if err != nil {
		return 0
	}
	return seconds(n)
}

// seconds returns a duration that a report accepts.
func seconds(n float64) float64 {
	const most = 1e9
	if math.IsNaN(n) || n < 0 {
		return 0
	}
	return min(n, most)
}
