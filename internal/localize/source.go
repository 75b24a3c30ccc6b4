package localize

import (
	"bytes"
	"os"
	"path/filepath"
	"sort"
)

// Source is the files of a tree with an overlay, read and outlined on first use. It is not safe
// for concurrent use.
type Source struct {
	root    string
	overlay map[string][]byte
	outline func(file string, src []byte) Outline
	files   map[string]*File
}

// NewSource returns the source of a tree. With a nil outline, files only have lines.
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

// Outline holds what a language knows about the lines of a file. The zero value is for a file that
// only has lines.
type Outline struct {
	Test      bool // it has tests, which are trusted and not suspected
	Generated bool // a fault is not fixed here
	Foreign   bool // in another language: suspected for its changes, not for what runs
	// Code holds the lines with more than space and comments; nil means every line that is not
	// blank.
	Code map[int]bool
	// Checks holds the lines that end the program on purpose, such as a call of panic.
	Checks map[int]bool
	Units  []Unit // sorted, not overlapping
	// Statement returns the lines of the innermost statement with code on a line, without its
	// inner blocks; nil means just the line.
	Statement func(line int) (start, end int)
	Syntax    any // the language's own
}

// Unit is a top-level function or another declaration. No suspect extends across units.
type Unit struct {
	Name, Recv string
	Start, End int // lines, both included
	Function   bool
}

// Hidden reports whether a file is not suspected for what runs.
func (f *File) Hidden() bool { return f.Test || f.Generated || f.Foreign }

// File reads and outlines a file. It returns nil if the file does not exist.
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

// UnitAt returns the unit that contains a line, or nil.
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

// blank reports whether a line has no code.
func (f *File) blank(line int) bool {
	if f.Code != nil {
		return !f.Code[line]
	}
	lines := bytes.Split(f.Src, []byte("\n"))
	return line < 1 || line > len(lines) || len(bytes.TrimSpace(lines[line-1])) == 0
}
