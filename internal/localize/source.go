package localize

import (
	"bytes"
	"os"
	"path/filepath"
	"sort"
)

// Source is the files of a tree with an overlay, outlined as far as they are asked for.
// It is not safe for concurrent use.
type Source struct {
	root    string
	overlay map[string][]byte
	outline func(file string, src []byte) Outline
	files   map[string]*File
}

// NewSource returns the source of a tree; a nil outline takes files for lines only.
func NewSource(root string, overlay map[string][]byte, outline func(file string, src []byte) Outline) *Source {
	if outline == nil {
		outline = func(string, []byte) Outline { return Outline{} }
	}
	return &Source{root: root, overlay: overlay, outline: outline, files: make(map[string]*File)}
}

// File is one source file.
type File struct {
	Name string // relative to the root
	Src  []byte
	Outline
}

// Outline is what a language knows of the lines of a file. The zero value is that of a
// file of which nothing but its lines is known.
type Outline struct {
	Test      bool // its tests are believed, and not suspected
	Generated bool // not where a fault would be fixed
	Foreign   bool // not in this language: may be suspected for its changes, not for what runs
	// Code holds the lines with more than space and comments; nil takes every line that is
	// not blank.
	Code map[int]bool
	// Checks holds the lines that end the program on purpose, such as a call of panic.
	Checks map[int]bool
	Units  []Unit // sorted, not overlapping
	// Statement returns the lines of the innermost statement with code on a line, without
	// the blocks beneath it; nil takes the line alone.
	Statement func(line int) (start, end int)
	Syntax    any // the language's own
}

// Unit is a top-level function or another declaration: suspects do not reach across units.
type Unit struct {
	Name, Recv string
	Start, End int // lines, both included
	Function   bool
}

// Hidden reports whether a file cannot be suspected for what runs.
func (f *File) Hidden() bool { return f.Test || f.Generated || f.Foreign }

// File reads and outlines a file; nil when there is none.
func (s *Source) File(name string) *File {
	if f, ok := s.files[name]; ok {
		return f
	}
	s.files[name] = nil
	src, ok := s.overlay[name]
	if !ok {
		var err error
		if src, err = os.ReadFile(filepath.Join(s.root, filepath.FromSlash(name))); err != nil {
			return nil
		}
	}
	if src == nil {
		return nil // the overlay removes it
	}
	f := &File{Name: name, Src: src, Outline: s.outline(name, src)}
	s.files[name] = f
	return f
}

// UnitAt returns the unit that holds a line, or nil.
func (f *File) UnitAt(line int) *Unit {
	i := sort.Search(len(f.Units), func(i int) bool { return f.Units[i].End >= line })
	if i < len(f.Units) && f.Units[i].Start <= line {
		return &f.Units[i]
	}
	return nil
}

// statement returns the lines of the statement on a line.
func (f *File) statement(line int) (start, end int) {
	if f.Statement == nil {
		return line, line
	}
	return f.Statement(line)
}

// blank reports whether a line cannot matter: there is no code on it.
func (f *File) blank(line int) bool {
	if f.Code != nil {
		return !f.Code[line]
	}
	lines := bytes.Split(f.Src, []byte("\n"))
	return line < 1 || line > len(lines) || len(bytes.TrimSpace(lines[line-1])) == 0
}
