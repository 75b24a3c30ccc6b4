// Package testrun is what the tests of any language are to the pipeline: how they are
// asked for ([Request]), what they show ([Result], [Failure]), and the [Sandbox] that they
// run in. A language implements [Suite].
//
// Goals: what did not truly run is never taken for a red test (it is a [NotRunError]),
// while code that does not compile is; no test sees a secret or the user's repository
// through the environment ([Seal]); nothing that a test starts outlives its run; no test
// can fill memory or disk with what it prints ([Capped]); the tree is never written to.
//
// Non-goals: finding and running the tests of a language, which is for the packages of
// internal/lang; protection against tests with ill intent, which is the business of
// containers; deciding what a failure means.
package testrun
