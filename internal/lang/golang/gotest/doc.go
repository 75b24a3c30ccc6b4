// Package gotest runs the tests of Go code, and turns their output into failures with
// evidence.
//
// [FindIn] returns the [Suite] of a tree. [Suite.Run] runs all of it, some packages or some
// tests, optionally with files laid over the tree. [Suite.Build] builds the test program of
// one package, a [Binary], for thousands of quick runs. [Suite.Relinker] builds it
// repeatedly, each time with other files, without the go command. [Suite.Coverage] reads the
// coverage of a run.
//
// A run goes through these files: run.go plans the go commands, which a [testrun.Sandbox]
// runs; events.go reads their stream of events; collect.go keeps what matters;
// classify.go and compile.go turn that into failures, with the help of trace.go for
// tracebacks and message.go for messages of tests; finish.go decides whether the tests truly
// ran.
//
// Goals: those of package testrun; if the test command is not go test, its exit status
// decides whether the whole suite passes, and go test finds what failed; a go test -json
// that ran elsewhere is read like a run of its own ([Replay]).
//
// Non-goals: other formats of results, which package resultfile reads; deciding what a
// failure means.
package gotest
