package gotest

import (
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// environmentFault is something outside of the code that prevents a build or a run.
type environmentFault struct {
	sign string // a part of the go command's message
	what string
	hint string
}

// Faults are recognized by the words of the go command: nothing else distinguishes them from
// faults of the code. The first match wins.
var (
	// machineFaults concern everything that runs.
	machineFaults = []environmentFault{
		{"no space left on device", "the disk is full", "free some space, for instance with `go clean -cache`"},
		{"cannot allocate memory", "out of memory", "close other programs, or lower the parallelism with -p=1"},
	}
	// environmentFaults concern a module or some of its packages.
	environmentFaults = []environmentFault{
		{"C compiler", "the C compiler for cgo was not found", "install a C compiler or set CGO_ENABLED=0"},
		{"-race requires cgo", "the race detector needs cgo", "set CGO_ENABLED=1 or drop -race"},
		{"missing go.sum entry", "go.sum lacks a dependency", "run `go mod tidy` and commit go.sum"},
		{"missing go.sum entries", "go.sum lacks dependencies", "run `go mod tidy` and commit go.sum"},
		{"SECURITY ERROR", "a dependency does not match go.sum", "find out why the dependency changed before you edit go.sum"},
		{"module lookup disabled by GOPROXY=off", "a dependency is not in the module cache and GOPROXY is off", "run `go mod download` while online"},
		{"dial tcp", "a dependency could not be downloaded", "check the network and GOPROXY, then run `go mod download`"},
		{"no such host", "a dependency could not be downloaded", "check the network and GOPROXY, then run `go mod download`"},
		{"i/o timeout", "a dependency could not be downloaded", "check the network and GOPROXY, then run `go mod download`"},
		{"404 Not Found", "a dependency could not be downloaded", "check its version in go.mod, then run `go mod download`"},
		{"410 Gone", "a dependency could not be downloaded", "check its version in go.mod, then run `go mod download`"},
		{"unrecognized import path", "a dependency could not be downloaded", "check the network and GOPROXY, then run `go mod download`"},
		{"unknown revision", "a dependency could not be downloaded", "check its version in go.mod, then run `go mod download`"},
		{"invalid version", "a dependency could not be downloaded", "check its version in go.mod, then run `go mod download`"},
		{"terminal prompts disabled", "a dependency could not be downloaded", "check that you can access its repository, then run `go mod download`"},
		{"inconsistent vendoring", "vendor/ does not agree with go.mod", "run `go mod vendor`"},
		{"updates to go.mod needed", "go.mod is out of date", "run `go mod tidy`"},
		{"errors parsing go.", "go.mod is broken", "correct the line"},
		{"listed in go.work file requires go", "a module needs a newer Go than go.work says", "run `go work use`"},
		{"listed in go.work file", "go.work uses a module that cannot be loaded", "correct the module, or its line in go.work"},
		{"(running go ", "the go command is too old for the module", "install the version that go.mod asks for, or allow GOTOOLCHAIN=auto"},
		{"toolchain not available", "the toolchain that go.mod asks for is not available", "install it, or check the network and GOPROXY"},
		{"contained in a module that is not one of the workspace", "the module is not used by go.work", "run `go work use .`"},
		{"flag provided but not defined", "the go command does not know a flag", "correct the test command"},
		{"matched no packages", "no packages match", "correct the packages of the test command"},
		{"no packages to test", "no packages match", "correct the packages of the test command"},
	}
)

// environmentError returns the fault of the environment that the output of a go command
// shows, or nil if the code is at fault.
func environmentError(output string) *testrun.NotRunError {
	for i, c := range slices.Concat(machineFaults, environmentFaults) {
		if strings.Contains(output, c.sign) {
			return &testrun.NotRunError{
				What: c.what, Where: lineWith(output, c.sign), Advice: c.hint, Output: testrun.Clip(output), Whole: i < len(machineFaults),
			}
		}
	}
	return nil
}

// lineWith returns the line of output that contains sign, shortened.
func lineWith(output, sign string) string {
	for line := range strings.Lines(output) {
		if strings.Contains(line, sign) {
			line = testrun.OneLine(strings.TrimPrefix(line, "go: "))
			return strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(line, "; to add:"), "; to update it:"), ":")
		}
	}
	return ""
}
