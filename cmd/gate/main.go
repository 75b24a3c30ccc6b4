// Command gate is regreen-gate: what the hook of a commit asks first. It exits with 0
// when the commit needs nothing, and else says nothing and leaves it to regreen.
//
// It is a program of its own because most commits need nothing, and regreen has to start
// with all that a repair takes.
package main

import (
	"os"

	"github.com/regreen-ci/regreen/internal/gate"
)

func main() {
	if !gate.PreCommit(".", os.Environ()) {
		os.Exit(1)
	}
}
