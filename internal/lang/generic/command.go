package generic

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/resultfile"
)

// testCode reports whether a file belongs to the tests: by its name, because results declare
// it as the file of a test, or because it is a part of the test command.
func (s *suite) testCode(file string) bool {
	if testCode(file) || s.runners()[file] {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.declared[file]
}

var (
	// interpreters run their first argument.
	interpreters = []string{
		"sh", "bash", "dash", "ash", "ksh", "zsh", "busybox", "source", "python", "pypy", "node", "nodejs", "bun", "deno", "tsx", "ts-node", "ruby", "perl", "php",
		"lua", "luajit", "rscript", "julia", "groovy", "pwsh", "escript", "tclsh", "guile", "racket", "awk", "gawk",
	}
	// testRunners run all their arguments.
	testRunners = []string{
		"pytest", "py.test", "unittest", "nose2", "jest", "vitest", "mocha", "ava", "tape", "tap", "jasmine", "karma", "rspec", "cucumber", "phpunit", "pest", "prove",
		"bats", "busted", "robot", "behave", "shunit2",
	}
	// wrappers run the command that follows.
	wrappers = []string{"env", "time", "timeout", "nice", "exec", "command", "xvfb-run", "npx", "bunx", "uv", "poetry", "pipenv", "bundle", "coverage", "c8", "nyc", "run", "sudo"}
	// makers read rules from a file with one of these names.
	makers = map[string][]string{
		"make": {"Makefile", "makefile", "GNUmakefile"}, "gmake": {"Makefile", "makefile", "GNUmakefile"}, "bmake": {"Makefile", "makefile", "BSDmakefile"},
		"just": {"justfile", "Justfile", ".justfile"}, "rake": {"Rakefile", "rakefile", "Rakefile.rb"}, "task": {"Taskfile.yml", "Taskfile.yaml"}, "nox": {"noxfile.py"},
	}
)

// commandFiles returns the files of the tree that are a part of a command: scripts that it
// runs, makefiles, and files that it passes to a test runner. Other files that it names,
// such as a source that it compiles, belong to the program.
func commandFiles(command string, files *resultfile.Tree) map[string]bool {
	found := make(map[string]bool)
	note := func(name string) bool {
		file := files.Find(name)
		if file != "" {
			found[file] = true
		}
		return file != ""
	}
	for _, words := range commands(command) {
		for len(words) > 0 && wraps(words[0]) {
			words = words[1:]
		}
		if len(words) == 0 {
			continue
		}
		note(words[0])
		program, args := strings.ToLower(path.Base(words[0])), words[1:]
		for _, base := range makers[program] {
			for _, file := range files.Named(base) {
				found[file] = true
			}
		}
		runner := slices.ContainsFunc(words, func(word string) bool { return slices.Contains(testRunners, path.Base(word)) || word == "--test" })
		runs := program == "." || slices.Contains(interpreters, strings.TrimRight(program, "0123456789."))
		for i, arg := range args {
			if runs && i > 0 && args[i-1] == "-c" {
				maps.Copy(found, commandFiles(arg, files))
				continue
			}
			file := len(makers[program]) > 0 && i > 0 && slices.Contains([]string{"-f", "--file", "--makefile"}, args[i-1])
			if (runner || runs || file) && !strings.HasPrefix(arg, "-") && note(arg) && runs && !runner {
				break
			}
		}
	}
	return found
}

// wraps reports whether a word at the start of a command belongs to a wrapper of another
// command.
func wraps(word string) bool {
	return word == "" || strings.Contains(word, "=") || strings.ContainsAny(word[:1], "-0123456789") || slices.Contains(wrappers, word)
}

// commands splits a command line into simple commands, and these into words without quotes.
// It is not a shell: it evaluates nothing, and words that need that name no file.
func commands(line string) [][]string {
	var all [][]string
	var words []string
	var word strings.Builder
	quote, in := rune(0), false
	end := func() {
		if in {
			words = append(words, word.String())
		}
		word.Reset()
		in = false
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case r == ' ' || r == '\t':
			end()
		case strings.ContainsRune(";&|(){}\n", r):
			end()
			all, words = append(all, words), nil
		default:
			word.WriteRune(r)
			in = true
		}
	}
	end()
	return append(all, words)
}
