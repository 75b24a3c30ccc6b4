package repo

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxAlternates is how deep git follows alternates of alternates.
const maxAlternates = 5

// objectDirs returns the directories that have the repository's objects: its own, those that git
// gave a hook, and those that they borrow from. The paths are absolute, so that others can borrow
// from all of them: a relative path in an alternates file counts from that file's directory.
func (r *Repo) objectDirs() []string {
	own := r.git.getenv("GIT_OBJECT_DIRECTORY")
	if own == "" {
		own = filepath.Join(r.commonDir, "objects")
	}
	more := parseAlternates(r.git.getenv("GIT_ALTERNATE_OBJECT_DIRECTORIES"), os.PathListSeparator)
	var dirs []string
	for _, dir := range append([]string{own}, more...) {
		dirs = addObjectDir(dirs, absolute(dir, r.root), maxAlternates)
	}
	return dirs
}

func absolute(path, base string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(base, path)
}

func addObjectDir(dirs []string, dir string, depth int) []string {
	if slices.Contains(dirs, dir) {
		return dirs
	}
	dirs = append(dirs, dir)
	b, err := os.ReadFile(filepath.Join(dir, "info", "alternates"))
	if err != nil || depth == 0 {
		return dirs
	}
	base := dir
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		base = real
	}
	for _, next := range parseAlternates(string(b), '\n') {
		dirs = addObjectDir(dirs, absolute(next, base), depth-1)
	}
	return dirs
}

// formatAlternates writes a list of directories as git reads it: in a file, with a newline as the
// separator, or in GIT_ALTERNATE_OBJECT_DIRECTORIES. Only paths that need it are quoted, because
// other programs do not read quotes.
func formatAlternates(dirs []string, separator rune) string {
	var b strings.Builder
	for _, dir := range dirs {
		dir = filepath.ToSlash(dir)
		if strings.ContainsRune(dir, separator) || strings.HasPrefix(dir, `"`) || strings.HasPrefix(dir, "#") {
			dir = quoteC(dir)
		}
		b.WriteString(dir)
		b.WriteRune(separator)
	}
	return strings.TrimSuffix(b.String(), string(separator))
}

// parseAlternates reads such a list.
func parseAlternates(list string, separator rune) []string {
	var dirs []string
	for list != "" {
		if path, rest, ok := unquoteC(list); ok {
			dirs, list = append(dirs, path), strings.TrimPrefix(rest, string(separator))
			continue
		}
		path, rest, _ := strings.Cut(list, string(separator))
		if path != "" && path[0] != '#' {
			dirs = append(dirs, path)
		}
		list = rest
	}
	return dirs
}

// quoteC quotes a path like a string in C. Bytes that are not ASCII stay as they are.
func quoteC(path string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(path) {
		switch c := path[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// unquoteC returns the path of a text that starts with one that is quoted, and the rest.
func unquoteC(text string) (path, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), text[i+1:], true
		case c != '\\':
			b.WriteByte(c)
		case i+1 >= len(text):
			return "", "", false
		case i+3 < len(text) && octal(text[i+1:i+4]):
			b.WriteByte(text[i+1]&3<<6 | text[i+2]&7<<3 | text[i+3]&7)
			i += 3
		default:
			i++
			at := strings.IndexByte(`abtnvfr"\`, text[i])
			if at < 0 {
				return "", "", false
			}
			b.WriteByte("\a\b\t\n\v\f\r\"\\"[at])
		}
	}
	return "", "", false
}

func octal(s string) bool {
	return '0' <= s[0] && s[0] <= '3' && '0' <= s[1] && s[1] <= '7' && '0' <= s[2] && s[2] <= '7'
}
