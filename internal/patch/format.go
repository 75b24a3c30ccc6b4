package patch

import (
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf8"
)

const devNull = "/dev/null"

// Format returns files as a unified diff with git's headers, which git apply and GNU
// patch can read. Anywhere hunks and Blind deletions, which neither of them knows, are
// in a form that Read understands.
func Format(files []File) []byte {
	var b strings.Builder
	for i, f := range files {
		if f.Blind && f.Delete {
			b.WriteString(deleteFile + f.OldName + "\n") // a diff must show the content
			continue
		}
		formatHeader(&b, f)
		if f.Binary {
			formatBinary(&b, f)
			continue
		}
		if len(f.Hunks) == 0 {
			continue
		}
		fmt.Fprintf(&b, "--- %s\n", terminated(side("a/", f.OldName)))
		fmt.Fprintf(&b, "+++ %s\n", terminated(side("b/", f.NewName)))
		for j, h := range f.Hunks {
			if i == len(files)-1 && j == len(f.Hunks)-1 { // only there, lines may be missing
				h.OldLines, h.NewLines = h.OldLines+h.Trimmed, h.NewLines+h.Trimmed
			}
			formatHunk(&b, h)
		}
	}
	return []byte(b.String())
}

func formatHeader(b *strings.Builder, f File) {
	oldName, newName := f.OldName, f.NewName
	if oldName == "" {
		oldName = newName
	}
	if newName == "" {
		newName = oldName
	}
	names := quote
	if oldName != newName && strings.Contains(oldName+newName, " ") { // unclear where one ends
		names = octal
	}
	fmt.Fprintf(b, "diff --git %s %s\n", names("a/"+oldName), names("b/"+newName))
	switch {
	case f.New:
		fmt.Fprintf(b, "new file mode %s\n", gitMode(f.NewMode))
	case f.Delete:
		fmt.Fprintf(b, "deleted file mode %s\n", gitMode(f.OldMode))
	case f.NewMode != 0 && f.OldMode != f.NewMode:
		if f.OldMode != 0 {
			fmt.Fprintf(b, "old mode %s\n", gitMode(f.OldMode))
		}
		fmt.Fprintf(b, "new mode %s\n", gitMode(f.NewMode))
	}
	switch {
	case f.Copy:
		fmt.Fprintf(b, "copy from %s\ncopy to %s\n", quote(oldName), quote(newName))
	case f.Rename:
		fmt.Fprintf(b, "rename from %s\nrename to %s\n", quote(oldName), quote(newName))
	}
}

func formatBinary(b *strings.Builder, f File) {
	if f.Data == nil || f.Data.Forward == nil {
		fmt.Fprintf(b, binaryFiles+"%s and %s differ\n", side("a/", f.OldName), side("b/", f.NewName))
		return
	}
	mode := ""
	if f.OldMode != 0 && (f.NewMode == 0 || f.NewMode == f.OldMode) && !f.Delete {
		mode = " " + gitMode(f.OldMode)
	}
	fmt.Fprintf(b, "index %s..%s%s\n%s", f.Data.OldID, f.Data.NewID, mode, f.Data.format())
}

func formatHunk(b *strings.Builder, h Hunk) {
	switch {
	case !h.Anywhere:
		fmt.Fprintf(b, "@@ -%s +%s @@", span(h.OldStart, h.OldLines), span(h.NewStart, h.NewLines))
		if h.Section != "" {
			b.WriteString(" " + h.Section)
		}
		b.WriteByte('\n')
	case len(h.After) == 0:
		b.WriteString("@@ @@\n")
	default:
		for _, line := range h.After {
			b.WriteString("@@ " + line + "\n")
		}
	}
	for _, l := range h.Lines {
		b.WriteByte(byte(l.Op))
		b.WriteString(l.Text)
		if !strings.HasSuffix(l.Text, "\n") {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
	if h.AtEnd {
		b.WriteString(endOfFile + "\n")
	}
}

func span(start, lines int) string {
	if lines == 1 {
		return fmt.Sprint(start)
	}
	return fmt.Sprintf("%d,%d", start, lines)
}

func side(prefix, name string) string {
	if name == "" {
		return devNull
	}
	return quote(prefix + name)
}

// terminated appends a tab to a name with spaces, like git, to mark its end.
func terminated(name string) string {
	if strings.Contains(name, " ") && !strings.HasPrefix(name, `"`) {
		return name + "\t"
	}
	return name
}

// quote returns a name in git's form with core.quotePath off: quoted only if it contains
// control characters, quotes, backslashes or bytes that are not UTF-8.
func quote(name string) string {
	if needsQuotes(name) {
		return octal(name)
	}
	return name
}

func needsQuotes(name string) bool {
	for i := range len(name) {
		if c := name[i]; c < ' ' || c == '"' || c == '\\' || c == 0x7f {
			return true
		}
	}
	return !utf8.ValidString(name)
}

// octal quotes a name with every special byte as \ooo, the only escape that all readers
// agree on.
func octal(name string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(name) {
		if c := name[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			fmt.Fprintf(&b, `\%03o`, c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// File types in git's modes.
const (
	gitRegular = 0o100000
	gitSymlink = 0o120000
	gitModule  = 0o160000
	gitType    = 0o170000
)

// gitMode returns a mode as git writes it. Zero means a regular file.
func gitMode(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "120000"
	case m&fs.ModeIrregular != 0:
		return "160000"
	case m&0o100 != 0:
		return "100755"
	default:
		return "100644"
	}
}

// fileMode is the inverse of gitMode; raw is 0 if a patch has no mode. A submodule has
// fs.ModeIrregular.
func fileMode(raw fs.FileMode) fs.FileMode {
	switch {
	case raw == 0:
		return 0
	case raw&gitType == gitSymlink:
		return fs.ModeSymlink | 0o777
	case raw&gitType == gitModule:
		return fs.ModeIrregular
	case raw&0o100 != 0:
		return 0o755
	default:
		return 0o644
	}
}
