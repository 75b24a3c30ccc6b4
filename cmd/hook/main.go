// Command regreen repairs failing tests: it finds a change that makes them pass, proves it,
// and proposes or applies it. Installed as git hooks, it does so on every commit, merge and
// push.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}
