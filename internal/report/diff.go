package report

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// diffKind is the kind of a line of a unified diff.
type diffKind int

const (
	diffFile    diffKind = iota // text is the name of the file
	diffMeta                    // a mode, a rename, a binary file
	diffHunk                    // text is the whole @@ line
	diffContext                 // text has no leading mark, here and below
	diffDelete
	diffInsert
)

type diffLine struct {
	kind diffKind
	text string
}

var hunkHeader = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@`) })

// readDiff reads a unified diff to show it. It never fails; lines that it does not
// understand are shown unchanged. The counts in the hunk headers distinguish a deleted line
// "-- x" from a file header.
func readDiff(diff string) []diffLine {
	diff = strings.TrimSuffix(diff, "\n")
	if strings.Count(diff, "\r\n") == strings.Count(diff, "\n") {
		diff = strings.TrimSuffix(strings.ReplaceAll(diff, "\r\n", "\n"), "\r")
	}
	if diff == "" {
		return nil
	}
	var lines []diffLine
	var oldLeft, newLeft int
	oldFile := ""
	for line := range strings.SplitSeq(Visible(diff), "\n") {
		add := func(kind diffKind, text string) { lines = append(lines, diffLine{kind, text}) }
		mark, rest := byte(' '), ""
		if line != "" {
			mark, rest = line[0], line[1:]
		}
		switch {
		case mark == '\\':
			add(diffMeta, line) // "\ No newline at end of file"
		case oldLeft > 0 && mark == '-':
			oldLeft--
			add(diffDelete, rest)
		case newLeft > 0 && mark == '+':
			newLeft--
			add(diffInsert, rest)
		case oldLeft > 0 && newLeft > 0 && mark == ' ':
			oldLeft--
			newLeft--
			add(diffContext, rest)
		case hunkHeader().MatchString(line):
			m := hunkHeader().FindStringSubmatch(line)
			oldLeft, newLeft = hunkCount(m[1]), hunkCount(m[2])
			add(diffHunk, line)
		case strings.HasPrefix(line, "--- "):
			oldFile = fileName(rest[3:])
		case strings.HasPrefix(line, "+++ "):
			if name := fileName(rest[3:]); name != "/dev/null" {
				add(diffFile, name)
			} else {
				add(diffFile, oldFile+" (deleted)")
			}
		case strings.HasPrefix(line, "diff ") || strings.HasPrefix(line, "index "):
		default:
			add(diffMeta, line)
		}
	}
	return lines
}

func hunkCount(s string) int {
	if s == "" {
		return 1
	}
	n, _ := strconv.Atoi(s)
	return n
}

// fileName strips the prefix and the timestamp from the name in a file header.
func fileName(s string) string {
	s, _, _ = strings.Cut(s, "\t")
	if rest, ok := strings.CutPrefix(s, "a/"); ok {
		return rest
	}
	return strings.TrimPrefix(s, "b/")
}
