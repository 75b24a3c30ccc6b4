package gotest

import (
	"strings"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// circumstance is something around the code, not in it, that keeps a build or a
// run from happening.
type circumstance struct {
	sign string // a part of the go command's message
	what string
	hint string
}

// circumstances differ from faults of the code by the words of the go command alone,
// the only evidence there is. The first match wins.
var circumstances = []circumstance{
	{"no space left on device", "the disk is full", "free some space, for instance with `go clean -cache`"},
	{"cannot allocate memory", "out of memory", "close other programs or run with less parallelism: -p=1"},
	{"C compiler", "the C compiler that cgo needs was not found", "install a C compiler or set CGO_ENABLED=0"},
	{"-race requires cgo", "the race detector needs cgo", "set CGO_ENABLED=1 or leave -race out"},
	{"missing go.sum entry", "go.sum lacks a dependency", "run `go mod tidy` and commit go.sum"},
	{"missing go.sum entries", "go.sum lacks dependencies", "run `go mod tidy` and commit go.sum"},
	{"SECURITY ERROR", "a dependency does not match go.sum", "find out why the dependency changed; do not edit go.sum before"},
	{"module lookup disabled by GOPROXY=off", "a dependency is not in the module cache and GOPROXY is off", "run `go mod download` while online"},
	{"dial tcp", "a dependency could not be downloaded", "check the network and GOPROXY, then run `go mod download`"},
	{"no such host", "a dependency could not be downloaded", "check the network and GOPROXY, then run `go mod download`"},
	{"i/o timeout", "a dependency could not be downloaded", "check the network and GOPROXY, then run `go mod download`"},
	{"404 Not Found", "a dependency could not be downloaded", "check its version in go.mod, then run `go mod download`"},
	{"410 Gone", "a dependency could not be downloaded", "check its version in go.mod, then run `go mod download`"},
	{"unrecognized import path", "a dependency could not be downloaded", "check the network and GOPROXY, then run `go mod download`"},
	{"unknown revision", "a dependency could not be downloaded", "check its version in go.mod, then run `go mod download`"},
	{"invalid version", "a dependency could not be downloaded", "check its version in go.mod, then run `go mod download`"},
	{"terminal prompts disabled", "a dependency could not be downloaded", "check the access to its repository, then run `go mod download`"},
	{"inconsistent vendoring", "vendor/ does not agree with go.mod", "run `go mod vendor`"},
	{"updates to go.mod needed", "go.mod is out of date", "run `go mod tidy`"},
	{"errors parsing go.", "go.mod is broken", "correct the line"},
	{"(running go ", "the go command is too old for the module", "install the version that go.mod asks for, or allow GOTOOLCHAIN=auto"},
	{"toolchain not available", "the toolchain that go.mod asks for cannot be had", "install it, or check the network and GOPROXY"},
	{"contained in a module that is not one of the workspace", "the module is not used by go.work", "run `go work use` in it"},
	{"flag provided but not defined", "the go command does not know a flag", "correct the test command"},
	{"matched no packages", "no packages match", "correct the packages of the test command"},
	{"no packages to test", "no packages match", "correct the packages of the test command"},
}

// outside explains output by what is around the code, or gives nil when the code
// itself is to blame.
func outside(output string) *testrun.NotRunError {
	for _, c := range circumstances {
		if strings.Contains(output, c.sign) {
			return &testrun.NotRunError{What: c.what, Where: lineWith(output, c.sign), Hint: c.hint, Output: testrun.Clip(output)}
		}
	}
	return nil
}

// lineWith is the line of output that holds sign, on its own and short.
func lineWith(output, sign string) string {
	for line := range strings.Lines(output) {
		if strings.Contains(line, sign) {
			return testrun.OneLine(strings.TrimPrefix(line, "go: "))
		}
	}
	return ""
}
