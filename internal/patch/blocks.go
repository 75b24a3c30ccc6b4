package patch

import (
	"fmt"
	"slices"
	"strings"
)

// searchWords and replaceWords follow the marks in the first and the last line of a search/replace
// block.
var searchWords, replaceWords = []string{"SEARCH", "ORIGINAL"}, []string{"REPLACE", "UPDATED"}

// isSearch reports whether the line begins a search/replace block: "<<<<<<< SEARCH" for
// aider, "------- SEARCH" for Cline.
func isSearch(line string) bool {
	return isMarker(line, "<", searchWords...) || isMarker(line, "-", searchWords...)
}

func isReplace(line string) bool {
	return isMarker(line, ">", replaceWords...) || isMarker(line, "+", replaceWords...)
}

func isDivider(line string) bool { return isMarker(line, "=", "") }

// isMarker reports whether the line is five to nine marks, then one of the words. Models
// miscount the marks.
func isMarker(line, mark string, words ...string) bool {
	if !strings.HasPrefix(line, mark) {
		return false
	}
	n, rest := marks(line)
	return n >= 5 && n <= 9 && slices.Contains(words, strings.TrimSuffix(strings.TrimSpace(rest), ">"))
}

// marks returns the number of marks that the line begins with, and the rest.
func marks(line string) (n int, rest string) {
	line = strings.TrimRight(line, " \t\r\n")
	if line == "" {
		return 0, ""
	}
	rest = strings.TrimLeft(line, line[:1])
	return len(line) - len(rest), rest
}

// searchBlock reads one block. The file name is on the line before the block, or before
// the fence around it. A block without a name changes the same file as the previous block.
func (r *reader) searchBlock() error {
	start := r.at
	name, first := r.nameBefore(start)
	if name == "" {
		if n := len(r.Parts); n > 0 && r.Parts[n-1].Reader == SearchBlock {
			name, first = r.Parts[n-1].File, start
		}
	}
	if name == "" {
		return r.fail("search/replace block without a file name on the line before it")
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
		return r.failAt(len(r.lines)-1, fmt.Sprintf("unexpected end of patch in the search/replace block of line %d", start+1))
	}
	if len(dividers) == 0 || !isReplace(r.lines[end]) {
		return r.failAt(start, "a search/replace block needs a line ======= and then a line >>>>>>> REPLACE")
	}
	if len(dividers) > 1 { // some are lines of the file: the divider is as long as the first line
		long, _ := marks(r.lines[start])
		same := slices.DeleteFunc(slices.Clone(dividers), func(i int) bool { n, _ := marks(r.lines[i]); return n != long })
		if len(same) != 1 {
			return r.failAt(start, fmt.Sprintf("ambiguous search/replace block: lines %d and %d can both divide it", dividers[0]+1, dividers[1]+1))
		}
		dividers = same
	}
	divider := dividers[0]
	r.at = end + 1
	crlf := strings.HasSuffix(r.lines[start], "\r\n")
	search, replace := text(r.lines[start+1:divider], crlf), text(r.lines[divider+1:end], crlf)
	if IsBinary(search) || IsBinary(replace) {
		return r.failAt(start, "a search/replace block cannot contain binary content")
	}
	f, changed := blockFile(name, search, replace)
	if !changed {
		return r.failAt(start, "the search/replace block has no changes: both sides are the same")
	}
	r.add(SearchBlock, first, f, nil)
	return nil
}

func text(lines []string, crlf bool) []byte {
	s := strings.Join(lines, "")
	if crlf {
		s = strings.ReplaceAll(s, "\r\n", "\n")
	}
	return []byte(s)
}

// blockFile returns the patch that a block means. If search is empty, it creates the file.
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

// nameBefore looks for a file name in the lines before line i. It returns the name and the
// line that it is on, or "" and i.
func (r *reader) nameBefore(i int) (name string, at int) {
	for at = i - 1; at >= max(0, i-4); at-- {
		line := strings.TrimSpace(r.lines[at])
		if mark := fenceMark(line); mark != "" {
			// The fence may name a language, a file after the language, or neither.
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

// undecorated removes what people and models write around a file name. sure says that the
// name was in quotes or tags, and so must be one.
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

// looksLikeName reports whether s looks like a file name, not a word or a sentence.
func looksLikeName(s string) bool {
	return strings.ContainsAny(s, "./") && !strings.ContainsAny(s, " \t") && !strings.HasSuffix(s, ".")
}
