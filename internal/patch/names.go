package patch

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const badName = "the file name is too long, or has too few directories to strip"

// cutStamp separates a name from what may follow it in a --- or +++ line: a tab and a time, or a time
// or a revision after blanks that once were a tab.
func cutStamp(s string) (name, stamp string) {
	if strings.HasPrefix(s, `"`) {
		if end := quotedEnd(s); end > 0 {
			return unquote(s[:end]), s[end:]
		}
	}
	if i := strings.IndexByte(s, '\t'); i >= 0 {
		return s[:i], s[i:]
	}
	if at := stamps().FindStringIndex(s); at != nil && at[0] > 0 {
		return s[:at[0]], s[at[0]:]
	}
	return strings.TrimRight(s, " "), ""
}

// stamps matches the times that diff and git write, and the revisions of Subversion.
var stamps = lazily(` +(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d\d:?\d\d)?` +
	`|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?:[A-Z]+ )?\d{4}` +
	`|\((?:revision \d+|working copy|nonexistent)\)) *$`)

// Quote returns a name as git shows it, on one line: in quotes if it has characters that could be
// taken for something else. Names come from patches, and must not write lines of their own.
func Quote(name string) string {
	if !needsQuotes(name) && strings.IndexFunc(name, isInvisible) < 0 {
		return name
	}
	var b strings.Builder
	b.WriteByte('"')
	for len(name) > 0 {
		r, size := utf8.DecodeRuneInString(name)
		switch at := strings.IndexByte("\a\b\t\n\v\f\r\"\\", name[0]); {
		case at >= 0:
			b.WriteByte('\\')
			b.WriteByte(`abtnvfr"\`[at])
		case r == utf8.RuneError && size == 1, unicode.IsControl(r), isInvisible(r):
			for i := range size {
				fmt.Fprintf(&b, `\%03o`, name[i])
			}
		default:
			b.WriteString(name[:size])
		}
		name = name[size:]
	}
	b.WriteByte('"')
	return b.String()
}

// isInvisible reports whether r changes how the text around it looks, or breaks the line.
func isInvisible(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

// quotedEnd returns the index after the closing quote of s, which begins with a quote; 0
// if none exists.
func quotedEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// unquote returns the name that git wrote as s. A name without quotes stays as it is.
func unquote(s string) string {
	if strings.HasPrefix(s, `"`) {
		if name, err := strconv.Unquote(s); err == nil {
			return name
		}
	}
	return s
}

// splitGitNames splits the names after "diff --git". Unquoted names with spaces can be
// split only if they differ in nothing but the first directory.
func splitGitNames(s string) (old, new string, ok bool) {
	if strings.HasPrefix(s, `"`) {
		end := quotedEnd(s)
		if end == 0 {
			return "", "", false
		}
		old, new = unquote(s[:end]), unquote(strings.TrimLeft(s[end:], " "))
		return old, new, new != ""
	}
	if i := strings.Index(s, ` "`); i >= 0 {
		return s[:i], unquote(s[i+1:]), true
	}
	if strings.Count(s, " ") == 1 {
		return strings.Cut(s, " ")
	}
	for i := range len(s) {
		if s[i] != ' ' {
			continue
		}
		old, new = s[:i], s[i+1:]
		_, oldRest, _ := strings.Cut(old, "/")
		_, newRest, _ := strings.Cut(new, "/")
		if old == new || oldRest != "" && oldRest == newRest {
			return old, new, true
		}
	}
	return "", "", false
}

// prefixed reports whether both names have a prefix of git's: a/ and b/, or with
// diff.mnemonicPrefix c/, i/, o/, w/, 1/ or 2/.
func prefixed(old, new string) bool {
	const sides = "abciow12"
	has := func(s string) bool { return len(s) > 2 && s[1] == '/' && strings.IndexByte(sides, s[0]) >= 0 }
	switch {
	case old == devNull:
		return has(new)
	case new == devNull:
		return has(old)
	default:
		return has(old) && has(new) && old[0] != new[0]
	}
}

// stripName removes the first directories of a name. It reports whether the rest is a
// valid name.
func stripName(name string, dirs int) (string, bool) {
	if name == devNull {
		return name, true
	}
	for strings.HasPrefix(name, "./") { // from diff ./x ./y
		name = strings.TrimLeft(name[2:], "/")
	}
	for range dirs {
		_, rest, ok := strings.Cut(name, "/")
		if !ok {
			return "", false
		}
		name = strings.TrimLeft(rest, "/")
	}
	return name, isName(name)
}

// isEpoch reports whether the timestamp after a name is the one that diff -N writes for a
// missing file: the Unix epoch.
func isEpoch(stamp string) bool {
	stamp = strings.TrimSpace(stamp)
	if !strings.HasPrefix(stamp, "1970-01-01 ") && !strings.HasPrefix(stamp, "1969-12-31 ") {
		return false
	}
	at, err := time.Parse("2006-01-02 15:04:05 -0700", stamp) // accepts fractional seconds, too
	return err == nil && at.Unix() == 0
}

// isName reports whether name can be the relative name of a file.
func isName(name string) bool {
	return name != "" && len(name) <= maxName && strings.Trim(name, "/") == name
}
