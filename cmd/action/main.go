// Command regreen-action runs regreen in a GitHub workflow: the pipeline of the
// hooks, with its inputs from the step, and its report in the step summary and the
// step's outputs.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Environ()))
}
