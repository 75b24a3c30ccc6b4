package patch

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// gitFile reads the part of a file that begins with "diff --git".
func (r *reader) gitFile() error {
	first := r.at
	header := chomp(r.lines[first])
	if len(header) > maxHeader {
		return r.fail("the file names are too long")
	}
	old, new, named := splitGitNames(header[len("diff --git "):])
	strip := r.strip
	if strip == StripAuto {
		if !named { // it is unclear where one name ends
			old, new = r.namesBelow()
		}
		strip = 1
		if old != "" && !prefixed(old, new) {
			strip = 0
		}
	}
	var f File
	if named {
		var okOld, okNew bool
		f.OldName, okOld = stripName(old, strip)
		f.NewName, okNew = stripName(new, strip)
		if !okOld || !okNew {
			return r.fail(badName)
		}
	}
	crlf := strings.HasSuffix(r.lines[first], "\r\n")
	r.at++
	h, err := r.gitHeader(&f, strip)
	if err != nil {
		return err
	}
	setSides(&f)
	if f.Name() == "" {
		return r.failAt(first, "no file name in the header")
	}
	if why := h.lacks(r, f); why != "" {
		return r.cutOff(fmt.Sprintf("the patch is cut off in the header of %s: %s", Quote(f.Name()), why))
	}
	var notes []string
	if line := chomp(r.line(r.at)); line == binaryPatch || strings.HasPrefix(line, binaryFiles) {
		err = r.binary(&f, h.ids)
	} else {
		notes, err = r.hunks(&f, true, crlf)
	}
	if err != nil {
		return err
	}
	if len(f.Hunks) == 0 && !f.Binary && len(notes) == 0 {
		if h.promises(f) {
			return r.cutOff("unexpected end of patch before the hunks of " + Quote(f.Name()) + ": it is cut off")
		}
		if h.lines == 0 {
			return nil // git writes a bare header for a file that was only touched
		}
	}
	r.indexed = r.indexed || h.ids != ids{}
	r.add(GitDiff, first, f, notes)
	if f.OldName != "" && f.NewName != "" {
		r.Parts[len(r.Parts)-1].Names = []string{f.OldName, f.NewName}
	}
	return nil
}

// namesBelow returns the names in the --- and +++ lines below the header at r.at.
func (r *reader) namesBelow() (old, new string) {
	for i := r.at + 1; i < len(r.lines) && i < r.at+8; i++ {
		if strings.HasPrefix(r.lines[i], "--- ") && strings.HasPrefix(r.line(i+1), "+++ ") {
			old, _ = cutStamp(chomp(r.lines[i][4:]))
			new, _ = cutStamp(chomp(r.lines[i+1][4:]))
			return old, new
		}
	}
	return "", ""
}

// setSides clears the name and the mode of a side that does not exist. A side that exists
// without a name gets the name of the other.
func setSides(f *File) {
	if f.OldName == "" {
		f.OldName = f.NewName
	}
	if f.NewName == "" {
		f.NewName = f.OldName
	}
	if f.New {
		f.OldName, f.OldMode = "", 0
	}
	if f.Delete {
		f.NewName, f.NewMode = "", 0
	}
}

// gitHeader is what the lines between "diff --git" and the hunks say, except for names and modes.
type gitHeader struct {
	ids      ids
	lines    int  // how many there are
	edited   bool // the file is similar to its source, but not the same
	from, to bool // a rename or copy has both names
	old, new bool // a change of the mode has both modes
	minus    bool // there is a line ---
	plus     bool // and a line +++
}

// lacks returns which line the header of a file misses at its end, or "".
func (h gitHeader) lacks(r *reader, f File) string {
	atEnd := r.at == len(r.lines)
	switch {
	case atEnd && !strings.HasSuffix(r.lines[r.at-1], "\n"), r.endsInKey():
		return "it ends in the middle of a line"
	case atEnd && h.lines == 0:
		return "nothing follows"
	case h.from != h.to, h.edited && !h.from && !h.new && !h.plus && atEnd:
		return "a rename or copy needs both names"
	case h.old && !h.new:
		return "the new mode is missing"
	case h.minus && !h.plus:
		return "the line +++ is missing"
	case atEnd && (f.New || f.Delete) && r.indexed && h.ids == ids{}:
		return "the line index is missing, unlike before"
	}
	return ""
}

// endsInKey reports whether the text ends in the first word of the next line of a header, or of what
// follows it.
func (r *reader) endsInKey() bool {
	line := r.line(r.at)
	part := func(key string) bool { return strings.HasPrefix(key, line) }
	return r.at == len(r.lines)-1 && !strings.HasSuffix(line, "\n") &&
		(slices.ContainsFunc(gitKeys[:], part) || part("@@ -") || part(binaryPatch) || part(binaryFiles))
}

// promises reports whether the header says that hunks follow.
func (h gitHeader) promises(f File) bool {
	return h.plus || h.ids.differs() || h.edited && (f.Rename || f.Copy)
}

// gitHeader reads the lines between "diff --git" and the hunks.
func (r *reader) gitHeader(f *File, strip int) (h gitHeader, err error) {
	for ; r.at < len(r.lines); r.at++ {
		line := chomp(r.lines[r.at])
		mode := func(rest string, into ...*fs.FileMode) {
			raw, parseErr := strconv.ParseUint(strings.TrimSpace(rest), 8, 32)
			if parseErr != nil {
				err = r.fail("invalid file mode")
			}
			for _, m := range into {
				*m = fileMode(fs.FileMode(raw))
			}
		}
		name := func(rest string, into *string) { // has no a/ or b/, unlike the names in other lines
			var ok bool
			if *into, ok = stripName(unquote(rest), max(0, strip-1)); !ok || *into == devNull {
				err = r.fail("invalid file name")
			}
		}
		key, rest := cutKey(line)
		switch key {
		case "--- ", "+++ ":
			h.minus, h.plus = h.minus || key[0] == '-', h.plus || key[0] == '+'
			err = r.gitSide(f, line, strip)
		case "new file mode ":
			f.New = true
			mode(rest, &f.NewMode)
		case "deleted file mode ":
			f.Delete = true
			mode(rest, &f.OldMode)
		case "old mode ":
			h.old = true
			mode(rest, &f.OldMode)
		case "new mode ":
			h.new = true
			mode(rest, &f.NewMode)
		case "similarity index ", "dissimilarity index ":
			h.edited = strings.TrimSpace(rest) != "100%"
		case "rename from ", "copy from ":
			h.from = true
			f.Rename, f.Copy = key[0] == 'r', key[0] == 'c'
			name(rest, &f.OldName)
		case "rename to ", "copy to ":
			h.to = true
			f.Rename, f.Copy = key[0] == 'r', key[0] == 'c'
			name(rest, &f.NewName)
		case "index ":
			both, raw, _ := strings.Cut(strings.TrimSpace(rest), " ")
			h.ids.old, h.ids.new, _ = strings.Cut(both, "..")
			if raw != "" {
				mode(raw, &f.OldMode)
			}
		default:
			return h, nil
		}
		if err != nil {
			return h, err
		}
		h.lines++
	}
	return h, nil
}

// gitKeys begin the lines of git's header.
var gitKeys = [...]string{
	"--- ", "+++ ", "index ", "new file mode ", "deleted file mode ", "old mode ", "new mode ",
	"similarity index ", "dissimilarity index ", "rename from ", "rename to ", "copy from ", "copy to ",
}

// cutKey separates one of the gitKeys from a line, or returns "".
func cutKey(line string) (key, rest string) {
	for _, key := range gitKeys {
		if rest, ok := strings.CutPrefix(line, key); ok {
			return key, rest
		}
	}
	return "", ""
}

// gitSide reads a --- or +++ line. If the header above says that the file is new or
// deleted, the line cannot change that: models get it wrong.
func (r *reader) gitSide(f *File, line string, strip int) error {
	if len(line) > maxHeader {
		return r.fail("the file name is too long")
	}
	name, _ := cutStamp(line[4:])
	name, ok := stripName(name, strip)
	if !ok {
		return r.fail(badName)
	}
	side, absent := &f.OldName, &f.New
	if line[0] == '+' {
		side, absent = &f.NewName, &f.Delete
	}
	switch {
	case *absent:
	case name == devNull:
		*absent = true
	case f.Rename || f.Copy: // the lines above are unambiguous
	default:
		*side = name
	}
	return nil
}

// ids are the object IDs in an index line.
type ids struct{ old, new string }

// emptyBlobs are git's object IDs of an empty file, by SHA-1 and by SHA-256.
var emptyBlobs = [...]string{
	"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
	"473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
}

// differs reports whether the IDs are of two contents that differ.
func (id ids) differs() bool {
	empty := func(s string) bool {
		return strings.Trim(s, "0") == "" || strings.HasPrefix(emptyBlobs[0], s) || strings.HasPrefix(emptyBlobs[1], s)
	}
	return id.old != id.new && (!empty(id.old) || !empty(id.new))
}
