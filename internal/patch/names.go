package patch

import (
	"strconv"
	"strings"
	"time"
)

const badName = "a name has no more than the folders that are to be stripped, or is too long"

// cutStamp parts a name from the tab and time stamp that may follow it.
func cutStamp(s string) (name, stamp string) {
	if strings.HasPrefix(s, `"`) {
		if end := quotedEnd(s); end > 0 {
			return unquote(s[:end]), s[end:]
		}
	}
	if i := strings.IndexByte(s, '\t'); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// quotedEnd is the index behind the closing quote of s, which begins with one.
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

// unquote reads a name as git writes it; what is not quoted stays as it is.
func unquote(s string) string {
	if strings.HasPrefix(s, `"`) {
		if name, err := strconv.Unquote(s); err == nil {
			return name
		}
	}
	return s
}

// splitGitNames parts the names behind "diff --git". Unquoted names with spaces
// can be told apart only when they are equal but for the first folder.
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

// prefixed tells whether the two names carry the prefixes that git puts before
// them: a/ and b/, or with diff.mnemonicPrefix one of c/ i/ o/ w/ 1/ 2/.
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

// stripName takes the first folders off a name.
func stripName(name string, folders int) (string, bool) {
	if name == devNull {
		return name, true
	}
	for strings.HasPrefix(name, "./") { // as diff writes it when asked for ./x
		name = strings.TrimLeft(name[2:], "/")
	}
	for range folders {
		_, rest, ok := strings.Cut(name, "/")
		if !ok {
			return "", false
		}
		name = strings.TrimLeft(rest, "/")
	}
	return name, isName(name)
}

// isEpoch tells whether the stamp behind a name is that of a file that is not there:
// diff -N gives it the beginning of time.
func isEpoch(stamp string) bool {
	stamp = strings.TrimSpace(stamp)
	if !strings.HasPrefix(stamp, "1970-01-01 ") && !strings.HasPrefix(stamp, "1969-12-31 ") {
		return false
	}
	at, err := time.Parse("2006-01-02 15:04:05 -0700", stamp) // fractions are read too
	return err == nil && at.Unix() == 0
}

// isName tells whether a name can be one of a file below a folder.
func isName(name string) bool {
	return name != "" && len(name) <= maxName && strings.Trim(name, "/") == name
}
