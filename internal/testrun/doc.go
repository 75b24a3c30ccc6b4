// Package testrun finds out how a tree's tests are run, runs them sealed, and
// reads what they say into failures with their evidence.
//
// [Find] gives a [Suite]. [Suite.Run] runs all of it, some packages or some tests,
// with files laid over the tree if need be; [Suite.Build] makes the test program
// of one package, a [Binary], for thousands of quick runs; [Suite.Relinker] makes it
// again and again, each time with other files, without the go command; [Suite.Coverage]
// reads what a run has covered. A run follows these files, in this order: run.go plans
// the go commands and starts them, sandbox.go runs them, events.go reads their
// stream, collect.go keeps of it what matters, classify.go and compile.go make
// failures of that, with trace.go and message.go for tracebacks and for what
// people wrote, and finish.go decides whether it was a run at all.
//
// Goals: what did not truly run is never taken for a red test (it is a
// [NotRunError]), while code that does not compile is; no test sees a secret or
// the user's repository through the environment; nothing that a test starts
// outlives its run; no test can fill memory or disk with what it prints; the tree
// is never written to.
//
// Non-goals: languages other than Go, beyond the exit status of a command;
// protection against tests with ill intent, which is the business of containers;
// deciding what a failure means.
package testrun
