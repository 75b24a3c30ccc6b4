package testrun

// NotRunError is the error of tests that did not really run: it says nothing about the code,
// and there is nothing to repair.
type NotRunError struct {
	What   string // what is wrong
	Where  string // a file:line, directory or command; may be empty
	Advice string // the next thing to do
	Output string // of the command that failed, capped; may be empty
	// NoTests says that there is nothing to run, which is fine if another language has tests.
	NoTests bool
}

func (e *NotRunError) Error() string {
	if e.Where == "" {
		return e.What
	}
	return e.Where + ": " + e.What
}

// Hint returns the next thing to do.
func (e *NotRunError) Hint() string { return e.Advice }
