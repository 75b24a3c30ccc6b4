// Package hooks holds the shims that git runs. They are plain shell scripts: copied
// into a repository's hooks folder by `regreen install`, or used in place with
// `git config core.hooksPath`.
package hooks

import (
	"embed"
	"strings"
)

//go:embed pre-commit post-merge
var files embed.FS

// Marker is in every shim; a hook without it is somebody else's.
const Marker = "regreen hook shim"

// Names are the hooks there are shims for, in the order git runs them.
var Names = []string{"pre-commit", "post-merge"}

// Shim is the script of a hook, made to run the program at the given path.
func Shim(name, program string) ([]byte, error) {
	text, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	quoted := "'" + strings.ReplaceAll(program, "'", `'\''`) + "'"
	return []byte(strings.Replace(string(text), "program=regreen\n", "program="+quoted+"\n", 1)), nil
}
