// Command regreen turns red tests green again. Installed as git hooks it finds
// what fails, finds a change that makes it pass, proves it, and proposes or
// applies it.
package main

import (
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}
