package gotest

import (
	"sync"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Suite holds how to run the tests of a tree. [Find] makes one. It is safe for concurrent
// use as long as nobody changes its fields.
type Suite struct {
	Root     string   // the tree under test, absolute
	Modules  []Module // Go modules with packages in them, by Dir, without those that cannot be loaded
	Flags    []string // flags of every go command, each one word: -tags=x, -race, -run=Y
	Patterns []string // packages of a plain go test command, relative to Root; nil means ./... of every module
	Command  []string // the test command if it is not a plain go test; see Find

	// Sandbox is where the tests run. Find makes one from the environment of this process.
	Sandbox *testrun.Sandbox

	flood int // how many bytes a package may print; 0 means floodLimit

	notRun []*testrun.NotRunError // modules that cannot be loaded

	disk     sync.RWMutex // held for writing while the tree has a request's files; see place
	mu       sync.Mutex
	packages []Package       // cached by Packages
	unrun    map[string]bool // parts that could not run without an overlay

	toolchains map[string]toolchain // by directory of the module
}

// Module is a Go module inside the tree.
type Module struct {
	Dir  string // slash-separated and relative to the root; "." for the root itself
	Path string

	// OutsideWorkspace means that a go.work above does not use the module. The go command
	// then needs GOWORK=off.
	OutsideWorkspace bool
}
