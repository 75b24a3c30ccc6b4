// Command gate is regreen-gate, the fast path of the pre-commit hook. It exits with 0 if the
// commit has nothing to test, and otherwise with 1: then the hook runs regreen.
//
// It is a separate program because most commits have nothing to test, and regreen takes longer
// to start.
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
