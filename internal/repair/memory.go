package repair

import (
	"os"
	"runtime/debug"
)

// A search makes much that is short-lived: type checks, texts of candidates. Collecting
// it as often as Go does by default takes a quarter of regreen's own time, which on a
// machine with memory to spare is better spent on candidates.
const (
	searchGCPercent = 400
	searchMemory    = 2 << 30 // bytes, from which on it is collected more often again
)

// collectLess lets the heap grow more until restore is called, unless the environment
// says how it should.
func collectLess() (restore func()) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	percent, limit := debug.SetGCPercent(searchGCPercent), debug.SetMemoryLimit(searchMemory)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}
