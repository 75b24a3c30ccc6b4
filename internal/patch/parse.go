package patch

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// StripAuto strips a/ and b/ (and git's mnemonic prefixes) where both names of a
// file have them, and nothing elsewhere.
const StripAuto = -1

// ParseOptions say how names in a patch are to be read.
type ParseOptions struct {
	// Strip is how many leading folders are taken off each name, or StripAuto.
	Strip int
}

// Parse reads a unified diff: git's or any other tool's, with prose or Markdown
// around it, with LF or CRLF. Without options it strips as StripAuto does. Wrong
// line counts in hunk headers, which language models are known for, are counted
// again. The error is a *ParseError. A text without any diff has no files.
func Parse(b []byte, opts ...ParseOptions) ([]File, error) {
	opt := ParseOptions{Strip: StripAuto}
	if len(opts) > 0 {
		opt = opts[0]
	}
	n := &normalizer{in: splitLines(string(b)), strip: opt.Strip}
	if err := n.run(); err != nil {
		return nil, err
	}
	parsed, _, err := gitdiff.Parse(bytes.NewReader([]byte(strings.Join(n.out, ""))))
	if err != nil {
		return nil, asParseError(err)
	}
	files := make([]File, 0, len(parsed))
	for _, f := range parsed {
		files = append(files, fromGitdiff(f))
	}
	return files, nil
}

var errorLine = regexp.MustCompile(`^gitdiff: line (\d+): `)

// asParseError finds the line in go-gitdiff's message. The normalizer keeps the
// number of lines, so it is the line of the original too.
func asParseError(err error) *ParseError {
	msg := err.Error()
	if m := errorLine.FindStringSubmatch(msg); m != nil {
		line, _ := strconv.Atoi(m[1]) // digits; 0 when absurdly many
		return &ParseError{Line: line, Reason: msg[len(m[0]):]}
	}
	return &ParseError{Reason: strings.TrimPrefix(msg, "gitdiff: ")}
}

func fromGitdiff(g *gitdiff.File) File {
	f := File{
		OldName: g.OldName, NewName: g.NewName,
		OldMode: fileMode(g.OldMode), NewMode: fileMode(g.NewMode),
		New: g.IsNew || g.OldName == devNull, Delete: g.IsDelete || g.NewName == devNull,
		Rename: g.IsRename, Copy: g.IsCopy,
		Binary: g.IsBinary,
	}
	if f.New {
		f.OldName = ""
	}
	if f.Delete {
		f.NewName = ""
	}
	for _, t := range g.TextFragments {
		h := Hunk{
			OldStart: int(t.OldPosition), OldLines: int(t.OldLines),
			NewStart: int(t.NewPosition), NewLines: int(t.NewLines),
			Section: t.Comment,
		}
		for _, l := range t.Lines {
			op := Context
			switch l.Op {
			case gitdiff.OpDelete:
				op = Delete
			case gitdiff.OpAdd:
				op = Insert
			}
			h.Lines = append(h.Lines, Line{op, l.Line})
		}
		f.Hunks = append(f.Hunks, h)
	}
	return f
}

// Limits on what is read, far beyond honest patches.
const (
	maxLineNumber = 1 << 30
	maxName       = 4 << 10  // bytes of a name, as much as Linux allows
	maxHeader     = 64 << 10 // bytes of a line with two names, quoted
)

var hunkHeader = regexp.MustCompile(`^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)$`)

// parseHunkHeader reads "@@ -1,2 +3,4 @@ section".
func parseHunkHeader(line string) (h Hunk, ok bool) {
	m := hunkHeader.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
	if m == nil {
		return Hunk{}, false
	}
	for i, p := range []*int{&h.OldStart, &h.OldLines, &h.NewStart, &h.NewLines} {
		*p = 1
		if m[i+1] == "" {
			continue
		}
		n, err := strconv.Atoi(m[i+1])
		if err != nil || n > maxLineNumber {
			return Hunk{}, false
		}
		*p = n
	}
	h.Section = m[5]
	return h, true
}

func (h Hunk) header() string {
	return fmt.Sprintf("@@ -%d,%d +%d,%d @@%s\n", h.OldStart, h.OldLines, h.NewStart, h.NewLines, h.Section)
}
