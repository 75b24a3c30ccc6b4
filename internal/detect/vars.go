package detect

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// vars reads the environment. What a pull request's author can choose (names of
// branches) is checked before it is handed on.
type vars struct{ getenv func(string) string }

func (v vars) get(name string) string {
	if v.getenv == nil {
		return ""
	}
	return strings.TrimSpace(v.getenv(name))
}

// first is the first of the variables that is set.
func (v vars) first(names ...string) string {
	for _, name := range names {
		if value := v.get(name); value != "" {
			return value
		}
	}
	return ""
}

// is reports whether the variable says yes, or anything that is not a no.
func (v vars) is(name string) bool {
	switch strings.ToLower(v.get(name)) {
	case "", "0", "false", "no", "off":
		return false
	}
	return true
}

// number is the positive number s, or 0.
func number(s string) int {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}

var object = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-fA-F]{7,64}$`) })

// sha is the object name s, or empty when s is not one or is all zeros, by
// which git and the CI providers mean that there is none.
func sha(s string) string {
	if !object().MatchString(s) || strings.Trim(s, "0") == "" {
		return ""
	}
	return s
}

// branch is the short name of a branch that git would accept, or empty. A
// leading refs/heads/ is taken off; other refs, such as tags, are no branches.
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

// validRef holds the rules of git check-ref-format for a short name, and
// refuses what does not print, which could disguise the rest of a report.
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

// splitRemote takes the host, in lower case and without a port, and the path,
// without .git, out of a URL or out of git's user@host:path. Both are empty for
// a local path.
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

// sameRemote reports whether two URLs name one repository. Hosting services do
// not tell the case of names apart.
func sameRemote(a, b string) bool {
	hostA, pathA := splitRemote(a)
	hostB, pathB := splitRemote(b)
	return hostA == hostB && strings.EqualFold(pathA, pathB)
}
