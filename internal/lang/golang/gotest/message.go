package gotest

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// entry is what one call of t.Error, t.Log or their like printed.
type entry struct {
	testrun.Location
	lines []string
}

var entryStart = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^ {4}(\S.*?\.go):(\d+): ?(.*)$`) })

// entries finds the calls of t.Error and t.Log in a test's output. Their place has
// no File when it is outside of the tree.
func (t tree) entries(output string) []entry {
	var all []entry
	open := false
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		if m := entryStart().FindStringSubmatch(line); m != nil {
			e := entry{lines: []string{m[3]}}
			if e.File = t.file(m[1], ""); e.File != "" {
				e.Line, _ = strconv.Atoi(m[2])
			}
			all = append(all, e)
			open = true
			continue
		}
		rest, indented := strings.CutPrefix(line, "        ")
		if open = open && (indented || strings.TrimSpace(line) == ""); open {
			last := &all[len(all)-1]
			last.lines = append(last.lines, rest)
		}
	}
	return all
}

// complaint matches what people write when a test fails, rather than logs.
var complaint = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(got|want(ed)?|expect(ed|s)?|unexpected|fail(s|ed|ure)?|errors?|err|mismatch|differs?|diff|should|must|invalid|wrong|not equal|missing|cannot|can't|couldn't|didn't|does not|doesn't)\b|!=|\(-want|\(-got`)
})

func (e entry) complains() bool {
	for _, line := range e.lines {
		if complaint().MatchString(line) {
			return true
		}
	}
	return false
}

// verdict picks the entry that says best why a test failed: the first complaint,
// and without any the last entry, since t.Fatal ends a test. ok is false when
// there is no entry.
func verdict(all []entry) (best entry, ok bool) {
	for _, e := range all {
		if e.File != "" && e.complains() {
			return e, true
		}
	}
	for _, e := range all {
		if e.File != "" || !ok {
			best, ok = e, true
		}
	}
	return best, ok
}

// traceLine is how testify gives the places of a failure.
var traceLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`Error Trace:\s+(\S.*?):(\d+)$`) })

// origin is the entry's place, or what the assertion library says it is when the
// entry was printed from outside of the tree.
func (t tree) origin(e entry) testrun.Location {
	if e.File == "" {
		for _, line := range e.lines {
			if m := traceLine().FindStringSubmatch(line); m != nil {
				if file := t.file(m[1], ""); file != "" {
					number, _ := strconv.Atoi(m[2])
					return testrun.Location{File: file, Line: number}
				}
			}
		}
	}
	return e.Location
}

// message tells the entry in one line. Assertion libraries print a table or a
// diff, of which the parts that say what was expected are taken.
func (e entry) message() string {
	if message := testifyMessage(e.lines); message != "" {
		return testrun.OneLine(message)
	}
	var parts []string
	minus, plus := false, false
	isDiff := strings.Contains(strings.Join(e.lines, "\n"), "(-want +got)") || strings.Contains(strings.Join(e.lines, "\n"), "(-got +want)")
	for i, line := range e.lines {
		if isDiff && len(parts) > 0 && i > 0 {
			switch {
			case strings.HasPrefix(line, "-") && !minus:
				minus = true
			case strings.HasPrefix(line, "+") && !plus:
				plus = true
			default:
				continue
			}
		}
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	return testrun.OneLine(strings.Join(parts, " "))
}

// testifyMessage reads testify's table of labels and values; it is empty when
// lines are none.
func testifyMessage(lines []string) string {
	var wrong, extra []string
	label := ""
	for _, line := range lines {
		line = strings.TrimSpace(line)
		for _, known := range []string{"Error Trace:", "Error:", "Test:", "Messages:", "Diff:"} {
			if rest, ok := strings.CutPrefix(line, known); ok {
				label, line = known, strings.TrimSpace(rest)
				break
			}
		}
		switch {
		case line == "":
		case label == "Error:":
			wrong = append(wrong, line)
		case label == "Messages:":
			extra = append(extra, line)
		}
	}
	return strings.Join(append(wrong, extra...), " ")
}

// framing are the lines with which the testing package frames a test's output.
var framing = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(=== (RUN|PAUSE|CONT|NAME|ATTR|ARTIFACTS) |\s*--- (FAIL|PASS|SKIP|BENCH): |FAIL(\s|$)|PASS$|ok  \t|coverage: |exit status \d+$|testing: warning: )`)
})

func isFraming(line string) bool { return framing().MatchString(strings.TrimRight(line, "\r\n")) }

// unframed is output without framing lines.
func unframed(output string) string {
	var b strings.Builder
	for line := range strings.Lines(output) {
		if !isFraming(line) {
			b.WriteString(line)
		}
	}
	return b.String()
}
