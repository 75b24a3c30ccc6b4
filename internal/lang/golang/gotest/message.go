package gotest

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// entry is the output of one call of t.Error, t.Log or a similar method.
type entry struct {
	testrun.Location
	lines []string
}

var entryStart = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^ {4}(\S.*?\.go):(\d+): ?(.*)$`) })

// entries returns what calls of t.Error and t.Log printed in a test's output. An entry from
// outside the tree has no File.
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

// complaint matches the words of messages about failures, as opposed to logs.
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

// verdict returns the entry that best explains why a test failed: the first complaint, or
// without one the last entry, since t.Fatal ends a test. ok is false if there is no entry.
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

// traceLine matches how testify prints the location of a failure.
var traceLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`Error Trace:\s+(\S.*?):(\d+)$`) })

// origin returns the location of an entry. If the entry was printed from outside the tree,
// that is the location that the assertion library prints.
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

// message returns the entry in one line. From the table or diff of an assertion library it
// takes the parts that say what was expected.
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

// testifyMessage returns the message in testify's table of labels and values, or "" if lines
// are not such a table.
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

// framing matches the lines that the testing package puts around a test's output.
var framing = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(=== (RUN|PAUSE|CONT|NAME|ATTR|ARTIFACTS) |\s*--- (FAIL|PASS|SKIP|BENCH): |FAIL(\s|$)|PASS$|ok  \t|coverage: |exit status \d+$|testing: warning: )`)
})

func isFraming(line string) bool { return framing().MatchString(strings.TrimRight(line, "\r\n")) }

// unframed returns output without framing lines.
func unframed(output string) string {
	var b strings.Builder
	for line := range strings.Lines(output) {
		if !isFraming(line) {
			b.WriteString(line)
		}
	}
	return b.String()
}
