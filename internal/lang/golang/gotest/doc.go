// Package gotest runs the tests of Go code, and reads what they say into failures with
// their evidence.
//
// [FindIn] returns the [Suite] of a tree. [Suite.Run] runs all of it, some packages or some
// tests, with files laid over the tree if need be; [Suite.Build] makes the test program of
// one package, a [Binary], for thousands of quick runs; [Suite.Relinker] makes it again and
// again, each time with other files, without the go command; [Suite.Coverage] reads what a
// run has covered. A run follows these files, in this order: run.go plans the go commands,
// which a [testrun.Sandbox] runs, events.go reads their stream, collect.go keeps of it what
// matters, classify.go and compile.go make failures of that, with trace.go and message.go
// for tracebacks and for what people wrote, and finish.go decides whether it was a run at
// all.
//
// Goals: those of package testrun; a command that is not go test is the judge of the whole
// suite by its exit status, and go test finds what failed; the go test -json of others is
// read as one's own ([Replay]).
//
// Non-goals: other formats of results, which are for package resultfile; deciding what a
// failure means.
package gotest
