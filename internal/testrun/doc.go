// Package testrun describes the tests of any language to the pipeline: how to ask for them
// ([Request]), what they show ([Result], [Failure]), and the [Sandbox] that they run in. A
// language implements [Suite].
//
// Goals: a run that did not really run is never a red test (it is a [NotRunError]), while
// code that does not compile is; the environment shows tests neither secrets nor the user's
// repository ([Isolate]); nothing that a test starts outlives its run; no test can fill
// memory or disk with its output ([Capped]); the tree is never written to.
//
// Non-goals: finding and running the tests of a language (internal/lang), protection
// against malicious tests (use a container), and deciding what a failure means.
package testrun
