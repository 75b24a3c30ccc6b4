// Package confine tells, from its spelling alone, whether a name may be that of a
// file of the tree that regreen writes to.
//
// Names come from patches, models and configuration, and none of these is trusted:
// a name must not lead out of the tree, nor to what git and regreen keep there, in
// any spelling that some file system takes for it. The rules are the same
// everywhere, because a patch that is made here is applied elsewhere.
//
// Not goals: what is on the disk. A symbolic link on the way is found by whoever
// opens the file, through an os.Root.
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

// Journal is the folder in which a write to a plain folder is prepared. Names that
// begin with it are regreen's own.
const Journal = ".regreen-write"

// Refusal is why a name may not be one of the tree's: half a sentence about it.
type Refusal string

// The reasons.
const (
	Outside    Refusal = "it is not a path inside the tree"
	GitsOwn    Refusal = "it is git's own"
	OurOwn     Refusal = "it is regreen's own"
	Colon      Refusal = "it has a colon, which names a drive or a stream on Windows"
	TooLong    Refusal = "it is longer than file systems allow"
	Control    Refusal = "it has a control character"
	Unportable Refusal = "Windows takes it for another name, or for a device"
	LeadsOut   Refusal = "it is a symbolic link that leads out of the tree"
)

func (r Refusal) Error() string { return string(r) }

// As much as Linux allows; other systems allow less.
const (
	maxPart = 255
	maxName = 4096
)

// Name tells why a slash-separated name, relative to the tree's root, cannot be that
// of one of its files; nil when it can. The error is a Refusal.
//
// Names that only Windows minds, such as aux.c, pass elsewhere: where such a file
// is, it may be edited. A file that is to be made is asked about with NewName.
func Name(name string) error {
	switch {
	case len(name) > maxName:
		return TooLong
	case name == ".", path.Clean(name) != name, path.IsAbs(name), strings.ContainsAny(name, "\x00\\"):
		return Outside
	case name == "..", strings.HasPrefix(name, "../"):
		return Outside
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case spells(part, ".git"):
			return GitsOwn
		case strings.HasPrefix(seen(part), Journal), spells(part, Journal):
			return OurOwn
		case strings.Contains(part, ":"):
			return Colon
		case len(part) > maxPart:
			return TooLong
		case runtime.GOOS == "windows" && !portable(part):
			return Unportable
		}
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) { // what else this system knows
		return Outside
	}
	return nil
}

// NewName is Name for a file that does not exist yet: it refuses what would be
// another file, or none, once somebody checks it out on Windows, and what makes a
// name look like something else.
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

// Link tells why a symbolic link of that name cannot lead to target: it has to stay
// inside the tree, and out of what is git's and regreen's; nil when it can. Name has
// been asked about the link's own name.
//
// Going up is only taken at the front of target: behind the name of a folder, ".."
// leads elsewhere when that is a link itself.
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

// spells tells whether some file system takes part for the name. As git's own rules
// have it, and where the number of a short name is concerned, stricter.
func spells(part, name string) bool {
	part = seen(part)
	return part == name || short(part, strings.TrimPrefix(name, "."))
}

// Seen is a name in the spelling by which the file systems that fold the most know it:
// two names that are seen alike may be one file.
func Seen(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = seen(part)
	}
	return strings.Join(parts, "/")
}

// seen is what file systems may make of a part of a path: they ignore case, characters
// that are invisible (HFS+), dots and spaces at the end, and what follows a colon is
// the name of a stream of the same file (NTFS).
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

// short tells whether part may be the short name that NTFS gives to a long one: its
// first six letters and a number, or when there are many of these, its first two
// letters, four digits of a hash, and a number.
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

// portable tells whether part means the same file on Windows: that drops dots and
// spaces at the end, and has devices in every folder, whatever their extension.
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
