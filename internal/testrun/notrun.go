package testrun

// NotRunError is the error of tests that did not really run: it says nothing about the code,
// and there is nothing to repair.
type NotRunError struct {
	What   string // what is wrong
	Where  string // a file:line, directory or command; may be empty
	Advice string // the next thing to do
	Output string // of the command that failed, capped; may be empty
	// Part names what did not run: a module, some packages. It is "" for a whole suite.
	Part string
	// Whole says that what else ran does not count either: the disk is full, or the user asked for
	// something else.
	Whole bool
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
