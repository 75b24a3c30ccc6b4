// Command regreen-action runs regreen as a step of a GitHub workflow. It is the pipeline of
// regreen fix, with inputs from the step, and a report in the step's summary and outputs.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Environ()))
}
