package install

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/githook"
)

// A hook in a working tree belongs to everybody who works on it, so nothing of one machine goes
// into it. Install adds lines that call whatever regreen is on the PATH, and do nothing where
// regreen is missing. They are between these two.
const (
	callBegin = `# regreen begin: "regreen uninstall" removes these lines`
	callEnd   = "# regreen end"
)

// CallLine returns the line of shell that calls regreen from another program's hook.
func CallLine(name githook.Name) string {
	return `if command -v regreen >/dev/null 2>&1; then regreen hook ` + string(name) + ` "$@" || exit; fi`
}

// newHook is what Install writes where there is no hook.
func newHook(name githook.Name) []byte {
	return []byte("#!/bin/sh\n" + callBegin + "\n" + CallLine(name) + "\n" + callEnd + "\n")
}

// readsInput reports whether git writes to the standard input of a hook.
func readsInput(name githook.Name) bool {
	return name == githook.PrePush || name == githook.PostRewrite
}

// lastLines are the lines for the end of a hook. They keep the status of the commands before, which
// decides whether git continues.
func lastLines(name githook.Name) []string {
	return []string{
		callBegin,
		`regreen_status=$?; if [ "$regreen_status" != 0 ]; then exit "$regreen_status"; fi`,
		CallLine(name),
		callEnd,
	}
}

// firstLines are the lines for the beginning of a hook. They leave git's input to the commands
// after them.
func firstLines(name githook.Name) []string {
	if !readsInput(name) {
		return []string{callBegin, CallLine(name), callEnd}
	}
	return []string{
		callBegin,
		`if command -v regreen >/dev/null 2>&1; then`,
		`	regreen_input=$(cat && echo .)`,
		`	printf %s "${regreen_input%.}" | regreen hook ` + string(name) + ` "$@" || exit`,
		`	if [ "$regreen_input" = . ]; then exec </dev/null; else exec <<REGREEN`,
		`${regreen_input%?.}`, // without the last newline, which comes anyway
		`REGREEN`,
		`	fi`,
		`fi`,
		callEnd,
	}
}

var (
	// shells are the interpreters of hooks that lines of shell can be added to.
	shells = []string{"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox"}
	// leaves are the places where a script can end before its last line.
	leaves = regexp.MustCompile(`\b(?:exit|exec)\b[ \t"]*([^\s;"]*)`)
	failed = regexp.MustCompile(`^[1-9][0-9]*$`)
	// sources is a line after which husky 8 runs the script once more, and this time without it.
	sources = regexp.MustCompile(`(?m)^\. .*/husky\.sh"?\r?\n`)
)

// isShell reports whether a hook is a shell script. sh runs one that does not name an interpreter.
func isShell(hook []byte) bool {
	if bytes.IndexByte(hook, 0) >= 0 {
		return false
	}
	first, _, _ := strings.Cut(string(hook), "\n")
	command, ok := strings.CutPrefix(strings.TrimSpace(first), "#!")
	if !ok {
		return true
	}
	words := slices.DeleteFunc(strings.Fields(command), func(word string) bool {
		return strings.HasPrefix(word, "-") || path.Base(word) == "env"
	})
	return len(words) > 0 && slices.Contains(shells, path.Base(words[0]))
}

// endsEarly reports whether a script may succeed without reaching its last line.
func endsEarly(hook []byte) bool {
	return slices.ContainsFunc(leaves.FindAllSubmatch(comment.ReplaceAll(hook, nil), -1), func(m [][]byte) bool {
		return !failed.Match(m[1])
	})
}

// addCall adds the call to a shell script that has none. It comes last, so that regreen tests what
// the commands before, such as a formatter, have made of the index. It comes first if the script
// may end early, or reads git's input.
func addCall(hook []byte, name githook.Name) []byte {
	newline := "\n"
	if first, _, ok := bytes.Cut(hook, []byte("\n")); ok && bytes.HasSuffix(first, []byte("\r")) {
		newline = "\r\n"
	}
	lines, at := lastLines(name), len(hook)
	if readsInput(name) || endsEarly(hook) {
		lines, at = firstLines(name), 0
		if sourced := sources.FindIndex(hook); sourced != nil {
			at = sourced[1]
		} else if bytes.HasPrefix(hook, []byte("#!")) {
			if at = bytes.IndexByte(hook, '\n') + 1; at == 0 {
				at = len(hook)
			}
		}
	}
	added := strings.Join(lines, newline)
	if at > 0 && hook[at-1] != '\n' { // so the hook does not end with a newline afterwards, either
		return slices.Concat(hook, []byte(newline), []byte(added))
	}
	return slices.Concat(hook[:at], []byte(added+newline), hook[at:])
}

// hasCall reports whether a hook calls regreen, and whether that is by the lines of Install.
func hasCall(hook []byte, name githook.Name) (calls, installed bool) {
	begin, end := callRange(hook)
	if begin < end {
		return true, true
	}
	return bytes.Contains(comment.ReplaceAll(hook, nil), []byte("regreen hook "+string(name))), false
}

// removeCall removes what addCall added.
func removeCall(hook []byte) []byte {
	begin, end := callRange(hook)
	return slices.Concat(hook[:begin], hook[end:])
}

// callRange returns the part of a hook that addCall added, or an empty one.
func callRange(hook []byte) (begin, end int) {
	begin = bytes.Index(hook, []byte(callBegin))
	if begin < 0 || begin > 0 && hook[begin-1] != '\n' {
		return 0, 0
	}
	length := bytes.Index(hook[begin:], []byte("\n"+callEnd))
	if length < 0 {
		return 0, 0
	}
	end = begin + length + len("\n"+callEnd)
	windows := bytes.HasPrefix(hook[begin+len(callBegin):], []byte("\r"))
	switch rest := hook[end:]; {
	case len(rest) > 0:
		end += bytes.IndexByte(rest, '\n') + 1
	case begin > 0 && windows:
		begin -= 2
	case begin > 0:
		begin--
	}
	return begin, end
}
