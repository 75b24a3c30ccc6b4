package gotest

import (
	"sync"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Suite is how the tests of a tree are run. It is made by [Find] and safe for
// concurrent use as long as nobody changes its fields.
type Suite struct {
	Root     string   // the tree under test, absolute
	Modules  []Module // Go modules with packages in them, by Dir
	Flags    []string // flags of every go command, each one word: -tags=x, -race, -run=Y
	Patterns []string // packages of a plain go test command, relative to Root; nil for ./... of every module
	Command  []string // the test command when it is not a plain go test; see Find

	// Sandbox is what the tests run in; Find fills it from the process's own
	// environment.
	Sandbox *testrun.Sandbox

	flood int // bytes that a package may print; 0 means floodLimit

	mu       sync.Mutex
	packages []Package // cached by Packages

	toolchains map[string]toolchain // by directory of the module
}

// Module is a Go module inside the tree.
type Module struct {
	Dir  string // slash-separated and relative to the root; "." for the root itself
	Path string

	// OutsideWorkspace says that a go.work above does not use the module: the go command
	// then has to be told to ignore the workspace (GOWORK=off).
	OutsideWorkspace bool
}
