package detect

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// vars reads the environment. Callers check the values that the author of a pull request can
// choose, such as names of branches.
type vars struct{ getenv func(string) string }

func (v vars) get(name string) string {
	if v.getenv == nil {
		return ""
	}
	return strings.TrimSpace(v.getenv(name))
}

// first returns the value of the first variable that is set.
func (v vars) first(names ...string) string {
	for _, name := range names {
		if value := v.get(name); value != "" {
			return value
		}
	}
	return ""
}

// is reports whether a variable is set to anything that does not mean no.
func (v vars) is(name string) bool {
	switch strings.ToLower(v.get(name)) {
	case "", "0", "false", "no", "off":
		return false
	}
	return true
}

// number returns s as a positive number, or 0.
func number(s string) int {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}

var object = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-fA-F]{7,64}$`) })

// sha returns s if it is an object name. All zeros are not: git and the CI providers write them
// for a missing object.
func sha(s string) string {
	if !object().MatchString(s) || strings.Trim(s, "0") == "" {
		return ""
	}
	return s
}

// branch returns the short name of a branch, without refs/heads/, or "" if git would not accept
// the name or if it is another ref, such as a tag.
func branch(ref string) string {
	name, full := strings.CutPrefix(ref, "refs/heads/")
	if !full && strings.HasPrefix(name, "refs/") {
		return ""
	}
	if !validRef(name) {
		return ""
	}
	return name
}

// validRef reports whether a short name follows the rules of git check-ref-format. It also
// refuses characters that do not print, which could disguise the rest of a report.
func validRef(name string) bool {
	if name == "" || name == "@" || len(name) > 255 || !utf8.ValidString(name) || strings.HasPrefix(name, "-") ||
		strings.HasSuffix(name, ".") || strings.Contains(name, "..") || strings.Contains(name, "@{") ||
		strings.ContainsAny(name, " ~^:?*[\\") || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}

var hostname = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`) })

// splitRemote returns the host, in lower case and without the port, and the path, without .git,
// of a URL or of git's user@host:path. Both are empty for a local path.
func splitRemote(remote string) (host, path string) {
	_, rest, isURL := strings.Cut(remote, "://")
	if isURL {
		host, path, _ = strings.Cut(rest, "/")
	} else {
		var scp bool
		host, path, scp = strings.Cut(remote, ":")
		if windows := len(host) == 1; !scp || windows || strings.Contains(host, "/") {
			return "", ""
		}
	}
	host = host[strings.LastIndex(host, "@")+1:]
	host, _, _ = strings.Cut(host, ":")
	host = strings.ToLower(host)
	if !hostname().MatchString(host) {
		return "", ""
	}
	return host, strings.TrimSuffix(strings.Trim(path, "/"), ".git")
}

// sameRemote reports whether two URLs name the same repository. Hosting services ignore the case
// of names.
func sameRemote(a, b string) bool {
	hostA, pathA := splitRemote(a)
	hostB, pathB := splitRemote(b)
	return hostA == hostB && strings.EqualFold(pathA, pathB)
}
