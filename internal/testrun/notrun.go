package testrun

import (
	"fmt"
	"strings"
)

// NotRunError says that the tests did not truly run: there is nothing to learn
// about the code from it, and nothing to repair. It is told to people.
type NotRunError struct {
	What   string // what is wrong
	Where  string // a file:line, directory or command; may be empty
	Hint   string // the next thing to do
	Output string // of the command that failed, capped; may be empty
	// NoTests says that there is nothing to run, which is no fault where another language
	// has tests.
	NoTests bool
}

func (e *NotRunError) Error() string {
	var b strings.Builder
	if e.Where != "" {
		fmt.Fprintf(&b, "%s: ", e.Where)
	}
	b.WriteString(e.What)
	if e.Hint != "" {
		fmt.Fprintf(&b, "\nhint: %s", e.Hint)
	}
	return b.String()
}
