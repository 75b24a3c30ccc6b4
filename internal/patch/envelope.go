package patch

import (
	"path"
	"strings"
)

// The marker lines of an apply_patch envelope, as OpenAI's Codex CLI documents them.
const (
	beginPatch = "*** Begin Patch"
	endPatch   = "*** End Patch"
	addFile    = "*** Add File: "
	deleteFile = "*** Delete File: "
	updateFile = "*** Update File: "
	moveTo     = "*** Move to: "
	endOfFile  = "*** End of File"
)

// envelope reads an apply_patch envelope. Its first and last line may be missing.
func (r *reader) envelope() error {
	begin := r.at
	begun := strings.TrimSpace(r.lines[begin]) == beginPatch
	if begun {
		r.at++
	} else if !isFileLine(r.lines[begin]) {
		r.at++ // prose, or part of a context diff
		return nil
	}
	for r.at < len(r.lines) {
		line := r.lines[r.at]
		switch {
		case strings.TrimSpace(line) == endPatch:
			r.at++
			return nil
		case isFileLine(line):
			if err := r.envelopeFile(); err != nil {
				return err
			}
		case strings.TrimSpace(line) == "":
			r.at++
		case begun:
			return r.fail("unexpected line in an apply_patch envelope: expected *** or, in a hunk, a space, + or -")
		default:
			return nil
		}
	}
	if begun {
		return r.failAt(len(r.lines)-1, "unexpected end of patch: no "+endPatch)
	}
	return nil
}

func isFileLine(line string) bool {
	return strings.HasPrefix(line, addFile) || strings.HasPrefix(line, deleteFile) || strings.HasPrefix(line, updateFile)
}

// envelopeFile reads one file of an envelope.
func (r *reader) envelopeFile() error {
	first := r.at
	verb, name, _ := strings.Cut(chomp(r.lines[first]), ": ")
	crlf := strings.HasSuffix(r.lines[first], "\r\n")
	name, ok := r.plainName(name)
	if !ok {
		return r.fail("invalid file name")
	}
	r.at++
	f := File{OldName: name, NewName: name}
	var notes []string
	switch verb + ": " {
	case deleteFile:
		f = File{OldName: name, Delete: true, Blind: true}
	case addFile:
		f = File{NewName: name, New: true}
		h := Hunk{}
		end := r.at
		for end < len(r.lines) && r.lines[end][0] == '+' {
			end++
		}
		if h.read(r.lines[r.at:end], crlf); len(h.Lines) > 0 {
			h.NewStart = 1
			f.Hunks = []Hunk{h}
		}
		r.at = end
	default:
		if to, ok := strings.CutPrefix(chomp(r.line(r.at)), moveTo); ok {
			if f.NewName, ok = r.plainName(to); !ok {
				return r.fail("invalid file name")
			}
			f.Rename = f.NewName != f.OldName
			r.at++
		}
		var err error
		if notes, err = r.envelopeHunks(&f, crlf); err != nil {
			return err
		}
		if len(f.Hunks) == 0 && !f.Rename {
			return r.failAt(first, "no changes to the file")
		}
	}
	r.add(Envelope, first, f, notes)
	return nil
}

// plainName returns a name that is written without quotes or escapes.
func (r *reader) plainName(s string) (string, bool) {
	name := path.Clean(strings.TrimSpace(s))
	if len(name) > maxName || name == "." {
		return "", false
	}
	return stripName(name, max(0, r.strip))
}

// envelopeHunks reads the hunks of an updated file. Lines "@@ line" before a hunk say
// what it comes after.
func (r *reader) envelopeHunks(f *File, crlf bool) (notes []string, err error) {
	for r.at < len(r.lines) {
		start := r.at
		h := Hunk{Anywhere: true}
		for ; strings.HasPrefix(r.line(r.at), "@@"); r.at++ {
			if numbered, ok := parseHunkHeader(r.lines[r.at]); ok {
				h = numbered
				continue
			}
			after, err := r.anchor()
			if err != nil {
				return nil, err
			}
			if h.After = append(h.After, after...); len(h.After) > maxAnchors {
				return nil, r.fail("too many @@ lines before a hunk")
			}
		}
		end := r.at
		for end < len(r.lines) && (strings.IndexByte(" +-", r.lines[end][0]) >= 0 || chomp(r.lines[end]) == "") {
			end++
		}
		for end > r.at && chomp(r.lines[end-1]) == "" { // empty lines after the hunk
			end--
		}
		h.read(r.lines[r.at:end], crlf)
		r.at = end
		for chomp(r.line(r.at)) == "" && r.at < len(r.lines) {
			r.at++
		}
		if strings.TrimSpace(r.line(r.at)) == endOfFile {
			h.AtEnd = true
			r.at++
		}
		switch {
		case len(h.Lines) == 0 && start == end:
			return notes, nil
		case len(h.Lines) == 0:
			return nil, r.failAt(start, "hunk without lines")
		case !h.changes():
			notes = append(notes, "a hunk changes nothing")
		default:
			f.Hunks = append(f.Hunks, h)
		}
	}
	return notes, nil
}
