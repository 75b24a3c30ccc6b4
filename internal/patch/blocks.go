package patch

import (
	"fmt"
	"strings"
)

// isSearch tells whether the line begins a search/replace block: "<<<<<<< SEARCH"
// as aider has it, "------- SEARCH" as Cline does.
func isSearch(line string) bool {
	return isMarker(line, "<", "SEARCH") || isMarker(line, "-", "SEARCH")
}

func isReplace(line string) bool {
	return isMarker(line, ">", "REPLACE") || isMarker(line, "+", "REPLACE")
}

func isDivider(line string) bool { return isMarker(line, "=", "") }

// isMarker tells whether the line is five to nine times the mark, then the word.
// Models miscount the marks.
func isMarker(line, mark, word string) bool {
	line = strings.TrimRight(line, " \t\r\n")
	rest := strings.TrimLeft(line, mark)
	if n := len(line) - len(rest); n < 5 || n > 9 {
		return false
	}
	return strings.TrimSuffix(strings.TrimSpace(rest), ">") == word
}

// searchBlock reads one block. Its file is named on the line before it, or before
// the fence around it; a block without a name is for the file of the one before.
func (r *reader) searchBlock() error {
	start := r.at
	name, first := r.nameBefore(start)
	if name == "" {
		if n := len(r.Parts); n > 0 && r.Parts[n-1].Reader == SearchBlock {
			name, first = r.Parts[n-1].File, start
		}
	}
	if name == "" {
		return r.fail("a search/replace block without the file's name on the line before it")
	}
	divider := start + 1
	for divider < len(r.lines) && !isDivider(r.lines[divider]) && !isReplace(r.lines[divider]) {
		divider++
	}
	end := divider + 1
	for end < len(r.lines) && !isReplace(r.lines[end]) && !isSearch(r.lines[end]) {
		end++
	}
	if end >= len(r.lines) {
		return r.failAt(len(r.lines)-1, fmt.Sprintf("the text breaks off inside the search/replace block of line %d", start+1))
	}
	if !isDivider(r.lines[divider]) || !isReplace(r.lines[end]) {
		return r.failAt(start, "a search/replace block needs a line ======= and then a line >>>>>>> REPLACE")
	}
	r.at = end + 1
	crlf := strings.HasSuffix(r.lines[start], "\r\n")
	f, changed := blockFile(name, text(r.lines[start+1:divider], crlf), text(r.lines[divider+1:end], crlf))
	if !changed {
		return r.failAt(start, "the search/replace block has no changes: both sides are alike")
	}
	r.took(SearchBlock, first, f, nil)
	return nil
}

func text(lines []string, crlf bool) []byte {
	s := strings.Join(lines, "")
	if crlf {
		s = strings.ReplaceAll(s, "\r\n", "\n")
	}
	return []byte(s)
}

// blockFile makes the patch of a block. One that searches nothing creates the file.
func blockFile(name string, search, replace []byte) (f File, changed bool) {
	if len(search) == 0 {
		f = DiffContext("", name, nil, replace, 0)
		f.Binary, f.Data = false, nil
		return f, len(f.Hunks) > 0
	}
	h := Hunk{Anywhere: true}
	if whole := DiffContext(name, name, search, replace, len(search)); len(whole.Hunks) == 1 {
		h.Lines = whole.Hunks[0].Lines
		h.OldLines, h.NewLines = whole.Hunks[0].OldLines, whole.Hunks[0].NewLines
	}
	return File{OldName: name, NewName: name, Hunks: []Hunk{h}}, h.changes()
}

// nameBefore looks for the name of a file in the lines before line i, and tells the
// line that it is on.
func (r *reader) nameBefore(i int) (name string, at int) {
	for at = i - 1; at >= max(0, i-3); at-- {
		line := strings.TrimSpace(r.lines[at])
		if mark := fenceMark(line); mark != "" {
			// The language may stand alone, or before the name.
			_, line, _ = strings.Cut(line[len(mark):], " ")
		}
		if line == "" {
			continue
		}
		if isReplace(line) || isDivider(line) {
			break
		}
		if name, ok := r.plainName(undecorated(line)); ok && looksLikeName(name) {
			return name, at
		}
		break
	}
	return "", i
}

// undecorated takes off what people and models put around a file's name.
func undecorated(line string) string {
	line = strings.TrimSuffix(strings.TrimLeft(line, "#/ "), ":")
	line = strings.Trim(line, "`*\"' ")
	line = strings.TrimPrefix(line, "File: ")
	return strings.Trim(line, "`*\"' ")
}

// looksLikeName tells a name from a sentence.
func looksLikeName(s string) bool {
	return !strings.ContainsAny(s, " \t") && !strings.HasSuffix(s, ".")
}
