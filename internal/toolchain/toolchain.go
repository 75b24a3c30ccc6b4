// Package toolchain knows, by language, the programs and variables that the outcome of
// tests depends on besides the tree: a tree that passed is tested again after an upgrade
// of Python.
//
// Goals: it is data; to ask it costs a few dozen looks at the file system, since the hook
// of every commit does. In doubt a program counts.
//
// Not goals: running anything, even to ask for a version; finding tests, which is for
// package lang; libraries, whose versions are in the tree's lock files.
package toolchain

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// language is what the tests of one language depend on.
type language struct {
	signs     []string // files at the top of a tree: one of them says that the language is there
	programs  []string // looked up in PATH, or paths from the tree's top or from a variable
	variables []string
}

// languages is the table. One that is not in it works by the program of its test command.
var languages = []language{
	{ // Go
		signs:    []string{"go.mod", "go.work"},
		programs: []string{"go"},
		variables: []string{
			"GOFLAGS", "GOOS", "GOARCH", "GOAMD64", "GOARM", "GOARM64", "GO386", "GOEXPERIMENT", "GODEBUG", "GOTOOLCHAIN", "GOWORK",
			"GOFIPS140", "CGO_ENABLED", "CC", "CGO_CFLAGS", "CGO_LDFLAGS",
		},
	},
	{ // Python
		signs: []string{
			"pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "pytest.ini", "tox.ini", "conftest.py", "Pipfile", "environment.yml",
		},
		programs: []string{
			"python3", "python", "pytest", "$VIRTUAL_ENV/bin/python", "$VIRTUAL_ENV/Scripts/python.exe", "$CONDA_PREFIX/bin/python",
			".venv/bin/python", ".venv/Scripts/python.exe",
		},
		variables: []string{
			"VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_VERSION", "UV_PYTHON", "PYTHONPATH", "PYTHONHASHSEED", "PYTHONOPTIMIZE", "PYTHONWARNINGS",
			"PYTEST_ADDOPTS",
		},
	},
	{ // JavaScript and TypeScript
		signs:     []string{"package.json", "deno.json", "deno.jsonc"},
		programs:  []string{"node", "bun", "deno"},
		variables: []string{"NODE_OPTIONS", "NODE_ENV", "NODE_PATH"},
	},
	{ // Rust
		signs:     []string{"Cargo.toml"},
		programs:  []string{"cargo", "rustc"},
		variables: []string{"RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_BUILD_TARGET"},
	},
	{ // Java and Kotlin
		signs:     []string{"pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"},
		programs:  []string{"java", "$JAVA_HOME/bin/java", "$JAVA_HOME/bin/java.exe", "mvn", "gradle"},
		variables: []string{"JAVA_HOME", "JAVA_TOOL_OPTIONS", "MAVEN_OPTS", "GRADLE_OPTS"},
	},
	{ // Ruby
		signs:     []string{"Gemfile", "Rakefile", ".rspec"},
		programs:  []string{"ruby"},
		variables: []string{"RUBYOPT", "RUBYLIB", "BUNDLE_GEMFILE", "GEM_HOME"},
	},
	{ // PHP
		signs:     []string{"composer.json", "phpunit.xml", "phpunit.xml.dist"},
		programs:  []string{"php"},
		variables: []string{"PHPRC", "PHP_INI_SCAN_DIR"},
	},
	{ // C and C++
		signs:     []string{"CMakeLists.txt", "meson.build", "configure.ac"},
		programs:  []string{"cc", "c++", "cmake"},
		variables: []string{"CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS"},
	},
}

// everywhere are the variables that tests of all languages go by.
var everywhere = []string{"TZ", "LANG", "LC_ALL"}

// Of returns what the tests of a tree depend on: the programs that are there, each by
// path, size and time, and the names of variables. Root is where the tree is checked out;
// command is the test command, "" for the one that is found.
//
// The languages are those that the top of the tree shows signs of, and the one of the
// command. They are all of the table where neither is known, or where the command may run
// anything, as make does.
func Of(root, command string, getenv func(string) string) (programs, variables []string) {
	runs := programOf(command)
	isOf := func(l language) bool { return slices.Contains(l.programs, runs) }
	there := languages
	if runs == "" || slices.ContainsFunc(languages, isOf) {
		there = slices.DeleteFunc(slices.Clone(languages), func(l language) bool { return !isOf(l) && !l.shows(root) })
	}
	if len(there) == 0 {
		there = languages
	}
	var names []string
	for _, l := range there {
		names, variables = append(names, l.programs...), append(variables, l.variables...)
	}
	for _, name := range unique(append(names, runs)) {
		if program, ok := fingerprint(name, root, getenv); ok {
			programs = append(programs, program)
		}
	}
	return programs, unique(append(variables, everywhere...))
}

// programOf returns the program of a command, behind the variables that are set for it.
func programOf(command string) string {
	for word := range strings.FieldsSeq(command) {
		if !strings.Contains(word, "=") {
			return word
		}
	}
	return ""
}

// shows reports whether the top of a tree has a sign of the language.
func (l language) shows(root string) bool {
	return slices.ContainsFunc(l.signs, func(sign string) bool {
		_, err := os.Lstat(filepath.Join(root, sign))
		return err == nil
	})
}

// fingerprint tells a program from its other versions: where it is, how large and how old.
// It is not ok for a program that is not there. A path stands for itself, so that all
// worktrees have the same; the value of its variable counts besides.
func fingerprint(program, root string, getenv func(string) string) (text string, ok bool) {
	file := program
	first, rest, isPath := strings.Cut(program, "/")
	if isPath && !filepath.IsAbs(program) {
		dir := root
		if name, is := strings.CutPrefix(first, "$"); is {
			dir, program = getenv(name), rest
		}
		if dir == "" {
			return "", false
		}
		file = filepath.Join(dir, filepath.FromSlash(program))
	}
	file, err := exec.LookPath(file)
	if err != nil {
		return "", false
	}
	info, err := os.Stat(file)
	if err != nil {
		return "", false
	}
	if isPath {
		file = first + "/" + rest
	}
	return fmt.Sprintf("%s %d %d", file, info.Size(), info.ModTime().UnixNano()), true
}

// unique returns a list without what is empty or was there before.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
