// Package confine decides, from the spelling alone, whether regreen may write to a file with a
// given name in the tree.
//
// Names come from patches, models and configuration, and none of these is trusted. A name must
// not lead out of the tree, nor to the files of git and regreen in it, in any spelling that some
// file system accepts for them. The rules for new files are the same on every system, because what
// is made here is checked out elsewhere: a name that Windows reads as another one is refused on
// Linux, too. A file that exists already may have any name that this system allows: a change to it
// makes nothing worse.
//
// Non-goal: looking at the disk. The caller handles symbolic links in a path by opening the file
// through an os.Root.
package confine

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"
)

// Journal is the directory in which regreen prepares a write to a plain directory. Names that
// start with it belong to regreen.
const Journal = ".regreen-write"

// Refusal is the reason to refuse a name, as a clause in which "it" is the name.
type Refusal string

// The reasons.
const (
	Outside    Refusal = "it is not a path inside the tree"
	GitsOwn    Refusal = "it belongs to git"
	OurOwn     Refusal = "it belongs to regreen"
	Colon      Refusal = "it has a colon, which names a drive or a stream on Windows"
	TooLong    Refusal = "it is longer than file systems allow"
	Control    Refusal = "it has a control character"
	Unportable Refusal = "Windows reads it as another name, or as a device"
	LeadsOut   Refusal = "it is a symbolic link that leads out of the tree"
)

func (r Refusal) Error() string { return string(r) }

// The limits of Linux; other systems allow less.
const (
	maxPart = 255
	maxName = 4096
)

// Name returns why a slash-separated name, relative to the root of the tree, is not allowed for
// one of its files, or nil. The error is a Refusal.
//
// Names that only Windows forbids, such as aux.c, are allowed on other systems: such a file may
// exist and be edited there. For a new file, use NewName; for one that is on the disk here,
// Existing.
func Name(name string) error { return check(name, false) }

// Existing is Name for a file that is on the disk of this system. Except on Windows, a backslash or
// a colon in its name means nothing there. It still refuses what Windows would take for a file of git
// or of another directory: nobody has such a file by chance.
func Existing(name string) error { return check(name, runtime.GOOS != "windows") }

// check is Name, or Existing on a system where a backslash and a colon are ordinary characters.
func check(name string, ordinary bool) error {
	switch {
	case len(name) > maxName:
		return TooLong
	case name == ".", path.Clean(name) != name, path.IsAbs(name), strings.Contains(name, "\x00"):
		return Outside
	case name == "..", strings.HasPrefix(name, "../"), strings.Contains(name, `\`) && !ordinary:
		return Outside
	}
	for part := range strings.SplitSeq(name, "/") {
		for piece := range strings.SplitSeq(part, `\`) {
			switch {
			case spells(piece, ".git"):
				return GitsOwn
			case strings.HasPrefix(seen(piece), Journal), spells(piece, Journal):
				return OurOwn
			case piece == "..":
				return Outside
			}
		}
		switch {
		case strings.Contains(part, ":") && !ordinary:
			return Colon
		case len(part) > maxPart:
			return TooLong
		case runtime.GOOS == "windows" && !portable(part):
			return Unportable
		}
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) { // the rules of this system
		return Outside
	}
	return nil
}

// NewName is Name for a file that does not exist yet. It also refuses names that Windows reads as
// another file or cannot have, and control characters, which disguise a name.
func NewName(name string) error {
	if err := Name(name); err != nil {
		return err
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case strings.ContainsFunc(part, unicode.IsControl):
			return Control
		case !portable(part):
			return Unportable
		}
	}
	return nil
}

// Link returns why a symbolic link must not have a target, or nil. The target must be in the tree,
// and must not belong to git or regreen. The caller has checked the link's own name with Name.
//
// Link accepts ".." only at the start of target: after the name of a directory, it leads elsewhere
// if that directory is a link itself.
func Link(name, target string) error {
	if spells(path.Base(name), ".gitmodules") { // git refuses to read it then
		return GitsOwn
	}
	if target == "" || path.IsAbs(target) || strings.ContainsFunc(target, unicode.IsControl) {
		return LeadsOut
	}
	down := false
	for part := range strings.SplitSeq(target, "/") {
		if part == ".." && down {
			return LeadsOut
		}
		down = down || part != "" && part != "." && part != ".."
	}
	to := path.Join(path.Dir(name), target)
	if to == "." {
		return nil
	}
	switch err := Name(to); {
	case errors.Is(err, Outside):
		return LeadsOut
	case err != nil:
		return fmt.Errorf("its target %q: %w", target, err)
	}
	return nil
}

// spells reports whether some file system reads part as the name. It follows git's rules, and is
// stricter about the number of a short name.
func spells(part, name string) bool {
	part = seen(part)
	return part == name || short(part, strings.TrimPrefix(name, "."))
}

// Seen returns a name as the file systems that ignore the most differences see it. Two names with
// the same result may be the same file.
func Seen(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = seen(part)
	}
	return strings.Join(parts, "/")
}

// seen returns a part of a path as file systems may see it. They ignore case, invisible characters
// (HFS+), dots and spaces at the end, and a colon starts the name of a stream of the same file
// (NTFS).
func seen(part string) string {
	part = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, part)
	part, _, _ = strings.Cut(part, ":")
	return strings.TrimRight(part, ". ")
}

// short reports whether part can be the short name that NTFS makes for a long one: its first six
// letters and a number or, if there are many of these, its first two letters, four digits of a
// hash, and a number.
func short(part, long string) bool {
	stem, number, ok := strings.Cut(part, "~")
	if !ok || number == "" || strings.Trim(number, "0123456789") != "" {
		return false
	}
	if stem == long[:min(len(long), 6)] {
		return true
	}
	return len(stem) == 6 && stem[:2] == long[:2] && strings.Trim(stem[2:], "0123456789abcdef") == ""
}

// portable reports whether part means the same file on Windows, which drops dots and spaces at the
// end and has devices in every directory, whatever their extension.
func portable(part string) bool {
	if strings.TrimRight(part, ". ") != part {
		return false
	}
	base, _, _ := strings.Cut(part, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return false
	}
	for _, port := range []string{"COM", "LPT"} {
		if number, ok := strings.CutPrefix(base, port); ok && number != "" && strings.Contains(" 0 1 2 3 4 5 6 7 8 9 ¹ ² ³ ", " "+number+" ") {
			return false
		}
	}
	return true
}
