package report

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// diffKind says what a line of a unified diff is.
type diffKind int

const (
	diffFile    diffKind = iota // text is the file's name
	diffMeta                    // a mode, a rename, a binary file
	diffHunk                    // text is the whole @@ line
	diffContext                 // text is without the leading mark, here and below
	diffDelete
	diffInsert
)

type diffLine struct {
	kind diffKind
	text string
}

var hunkHeader = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@`) })

// readDiff reads a unified diff for showing it: it never fails, and what it does
// not understand is shown as it is. The counts of the hunk headers tell a deleted
// line "-- x" from the header of a file.
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
	for line := range strings.SplitSeq(visible(diff), "\n") {
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

// fileName takes the prefix and the time stamp off the name in a file header.
func fileName(s string) string {
	s, _, _ = strings.Cut(s, "\t")
	if rest, ok := strings.CutPrefix(s, "a/"); ok {
		return rest
	}
	return strings.TrimPrefix(s, "b/")
}

// segment is a part of a line, changed from its counterpart or not.
type segment struct {
	text    string
	changed bool
}

// The most a pair of lines may hold to have their differences searched for. An
// alphabet of ASCII keeps go-diff, which slices some strings by byte and some by
// rune, clear of code points that it could cut in two.
const (
	maxTokens   = 600
	maxAlphabet = 126
)

// intraline finds what changed between two lines, token by token (a name, a
// number, a run of spaces, or one other character). ok is false when the lines
// are too long or have too little in common for that to help the eye.
func intraline(before, after string) (old, new []segment, ok bool) {
	a, b := tokens(before), tokens(after)
	if len(a) > maxTokens || len(b) > maxTokens {
		return nil, nil, false
	}
	letters := map[string]rune{}
	alphabet := []string{""}
	spell := func(tokens []string) []rune {
		word := make([]rune, len(tokens))
		for i, t := range tokens {
			if _, seen := letters[t]; !seen {
				letters[t] = rune(len(alphabet))
				alphabet = append(alphabet, t)
			}
			word[i] = letters[t]
		}
		return word
	}
	wordA, wordB := spell(a), spell(b)
	if len(alphabet) > maxAlphabet {
		return nil, nil, false
	}
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = 0 // the bounds above are what ends it, the same way each time
	common, longest := 0, max(solid(before), solid(after))
	for _, d := range dmp.DiffMainRunes(wordA, wordB, false) {
		var text strings.Builder
		for _, letter := range d.Text {
			text.WriteString(alphabet[letter])
		}
		switch d.Type {
		case diffmatchpatch.DiffEqual:
			common += solid(text.String())
			old = append(old, segment{text.String(), false})
			new = append(new, segment{text.String(), false})
		case diffmatchpatch.DiffDelete:
			old = append(old, segment{text.String(), true})
		case diffmatchpatch.DiffInsert:
			new = append(new, segment{text.String(), true})
		}
	}
	return old, new, common*5 >= longest*2
}

// solid counts the bytes of s that are not spaces.
func solid(s string) int {
	n := 0
	for f := range strings.FieldsSeq(s) {
		n += len(f)
	}
	return n
}

func tokens(s string) []string {
	var out []string
	class := func(r rune) int {
		switch {
		case r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return 1
		case unicode.IsSpace(r):
			return 2
		}
		return 0
	}
	start, last := 0, -1
	for i, r := range s {
		c := class(r)
		if i > 0 && (c != last || c == 0) {
			out = append(out, s[start:i])
			start = i
		}
		last = c
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}
