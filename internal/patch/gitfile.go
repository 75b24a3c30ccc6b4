package patch

import (
	"io/fs"
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
	id, err := r.gitHeader(&f, strip)
	if err != nil {
		return err
	}
	promised := id.differs() || strings.HasPrefix(r.lines[r.at-1], "+++ ")
	setSides(&f)
	if f.Name() == "" {
		return r.failAt(first, "no file name in the header")
	}
	var notes []string
	if line := chomp(r.line(r.at)); line == binaryPatch || strings.HasPrefix(line, "Binary files ") {
		err = r.binary(&f, id)
	} else {
		notes, err = r.hunks(&f, true, crlf)
	}
	if err != nil {
		return err
	}
	if len(f.Hunks) == 0 && !f.Binary && len(notes) == 0 {
		if promised || r.at == len(r.lines) && !strings.HasSuffix(r.lines[r.at-1], "\n") {
			return r.failAt(r.at-1, "unexpected end of patch before the hunks of "+f.Name())
		}
		if !f.New && !f.Delete && !f.Rename && !f.Copy && (f.OldMode == f.NewMode || f.NewMode == 0) {
			return nil // git writes a bare header for a file that was only touched
		}
	}
	r.add(GitDiff, first, f, notes)
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

// gitHeader reads the lines between "diff --git" and the hunks.
func (r *reader) gitHeader(f *File, strip int) (id ids, err error) {
	for ; r.at < len(r.lines); r.at++ {
		line := chomp(r.lines[r.at])
		take := func(prefix string) (rest string, ok bool) { return strings.CutPrefix(line, prefix) }
		mode := func(into ...*fs.FileMode) {
			raw, parseErr := strconv.ParseUint(line[strings.LastIndexByte(line, ' ')+1:], 8, 32)
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
		rest, ok := "", false
		switch {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "):
			err = r.gitSide(f, line, strip)
		case strings.HasPrefix(line, "new file mode "):
			f.New = true
			mode(&f.NewMode)
		case strings.HasPrefix(line, "deleted file mode "):
			f.Delete = true
			mode(&f.OldMode)
		case strings.HasPrefix(line, "old mode "):
			mode(&f.OldMode)
		case strings.HasPrefix(line, "new mode "):
			mode(&f.NewMode)
		case strings.HasPrefix(line, "similarity index "), strings.HasPrefix(line, "dissimilarity index "):
		default:
			if rest, ok = take("rename from "); ok {
				f.Rename = true
				name(rest, &f.OldName)
			} else if rest, ok = take("rename to "); ok {
				f.Rename = true
				name(rest, &f.NewName)
			} else if rest, ok = take("copy from "); ok {
				f.Copy = true
				name(rest, &f.OldName)
			} else if rest, ok = take("copy to "); ok {
				f.Copy = true
				name(rest, &f.NewName)
			} else if rest, ok = take("index "); ok {
				rest, raw, hasMode := strings.Cut(rest, " ")
				id.old, id.new, _ = strings.Cut(rest, "..")
				if hasMode && raw != "" {
					mode(&f.OldMode)
				}
			} else {
				return id, nil
			}
		}
		if err != nil {
			return id, err
		}
	}
	return id, nil
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
