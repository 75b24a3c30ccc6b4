// Package hooks holds the shim that git runs. It is a plain shell script, the same for each
// hook. `regreen install` copies it to a repository's hooks directory, and `git config
// core.hooksPath` can use the files here in place.
package hooks

import (
	_ "embed"
	"strings"
)

//go:embed pre-commit
var shim string

// Marker is in every shim. A hook without it is not regreen's.
const Marker = "regreen hook shim"

const (
	assign  = "program="
	unnamed = assign + "regreen\n"
)

// Shim returns the script that runs the program at a path.
func Shim(program string) []byte {
	return []byte(strings.Replace(shim, unnamed, assign+Quote(program)+"\n", 1))
}

// Quote returns a text as one shell word.
func Quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// Program returns the path of the program that a shim runs, or "" if it has none.
func Program(shim []byte) string {
	for line := range strings.Lines(string(shim)) {
		value, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), assign)
		if !ok {
			continue
		}
		value = strings.TrimSuffix(strings.TrimPrefix(value, "'"), "'")
		return strings.ReplaceAll(value, `'\''`, "'")
	}
	return ""
}
