// Package hooks holds the shim that git runs. It is a plain shell script, the same for
// each hook: `regreen install` copies it into a repository's hooks folder, and the
// files here can be used in place with `git config core.hooksPath`.
package hooks

import (
	_ "embed"
	"strings"
)

//go:embed pre-commit
var shim string

// Marker is in every shim; a hook without it is somebody else's.
const Marker = "regreen hook shim"

const (
	assign  = "program="
	unnamed = assign + "regreen\n"
)

// Shim is the script, made to run the program at the given path.
func Shim(program string) []byte {
	return []byte(strings.Replace(shim, unnamed, assign+Quote(program)+"\n", 1))
}

// Quote makes one word of shell of a text.
func Quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// Program is the path that a shim was made for, "" when it is not to be told.
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
