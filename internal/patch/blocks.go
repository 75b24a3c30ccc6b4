package patch

import (
	"fmt"
	"slices"
	"strings"
)

// The words of the lines that begin and end a search/replace block.
var searchWords, replaceWords = []string{"SEARCH", "ORIGINAL"}, []string{"REPLACE", "UPDATED"}

// isSearch tells whether the line begins a search/replace block: "<<<<<<< SEARCH"
// as aider has it, "------- SEARCH" as Cline does.
func isSearch(line string) bool {
	return isMarker(line, "<", searchWords...) || isMarker(line, "-", searchWords...)
}

func isReplace(line string) bool {
	return isMarker(line, ">", replaceWords...) || isMarker(line, "+", replaceWords...)
}

func isDivider(line string) bool { return isMarker(line, "=", "") }

// isMarker tells whether the line is five to nine times the mark, then one of the words.
// Models miscount the marks.
func isMarker(line, mark string, words ...string) bool {
	if !strings.HasPrefix(line, mark) {
		return false
	}
	n, rest := marks(line)
	return n >= 5 && n <= 9 && slices.Contains(words, strings.TrimSuffix(strings.TrimSpace(rest), ">"))
}

// marks counts how often the line's first byte is repeated at its beginning.
func marks(line string) (n int, rest string) {
	line = strings.TrimRight(line, " \t\r\n")
	if line == "" {
		return 0, ""
	}
	rest = strings.TrimLeft(line, line[:1])
	return len(line) - len(rest), rest
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
	end := start + 1
	var dividers []int
	for end < len(r.lines) && !isReplace(r.lines[end]) && !isSearch(r.lines[end]) {
		if isDivider(r.lines[end]) {
			dividers = append(dividers, end)
		}
		end++
	}
	if end >= len(r.lines) {
		return r.failAt(len(r.lines)-1, fmt.Sprintf("the text breaks off inside the search/replace block of line %d", start+1))
	}
	if len(dividers) == 0 || !isReplace(r.lines[end]) {
		return r.failAt(start, "a search/replace block needs a line ======= and then a line >>>>>>> REPLACE")
	}
	if len(dividers) > 1 { // the file may hold such lines, too: the divider is as long as the line that began
		long, _ := marks(r.lines[start])
		same := slices.DeleteFunc(slices.Clone(dividers), func(i int) bool { n, _ := marks(r.lines[i]); return n != long })
		if len(same) != 1 {
			return r.failAt(start, fmt.Sprintf("which line ======= divides the search/replace block is not to be told: lines %d and %d", dividers[0]+1, dividers[1]+1))
		}
		dividers = same
	}
	divider := dividers[0]
	r.at = end + 1
	crlf := strings.HasSuffix(r.lines[start], "\r\n")
	search, replace := text(r.lines[start+1:divider], crlf), text(r.lines[divider+1:end], crlf)
	if IsBinary(search) || IsBinary(replace) {
		return r.failAt(start, "a search/replace block cannot hold binary content")
	}
	f, changed := blockFile(name, search, replace)
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
	for at = i - 1; at >= max(0, i-4); at-- {
		line := strings.TrimSpace(r.lines[at])
		if mark := fenceMark(line); mark != "" {
			// The language may stand alone, or before the name.
			_, line, _ = strings.Cut(line[len(mark):], " ")
		}
		if line == "" || line == "<diff>" || line == "<content>" { // Cline's tags
			continue
		}
		if isReplace(line) || isDivider(line) {
			break
		}
		line, sure := undecorated(line)
		if name, ok := r.plainName(line); ok && (sure || looksLikeName(line)) {
			return name, at
		}
		break
	}
	return "", i
}

// undecorated takes off what people and models put around a file's name. What stands
// in quotes or tags is surely meant as one.
func undecorated(line string) (name string, sure bool) {
	line = strings.TrimSuffix(strings.TrimLeft(line, "#/ "), ":")
	line = strings.Trim(line, "* ")
	line = strings.TrimPrefix(line, "File: ")
	for _, around := range [][2]string{{"`", "`"}, {`"`, `"`}, {"'", "'"}, {"<path>", "</path>"}, {"<file_path>", "</file_path>"}} {
		if inner, ok := strings.CutPrefix(line, around[0]); ok {
			if inner, ok = strings.CutSuffix(inner, around[1]); ok && !strings.Contains(inner, around[1]) {
				return inner, true
			}
		}
	}
	return line, false
}

// looksLikeName tells a name from a word or a sentence.
func looksLikeName(s string) bool {
	return strings.ContainsAny(s, "./") && !strings.ContainsAny(s, " \t") && !strings.HasSuffix(s, ".")
}
