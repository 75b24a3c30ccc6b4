// Package toolchain lists, for each language, the programs and variables that the outcome of
// tests depends on in addition to the tree: a tree that passed is tested again after an
// upgrade of Python.
//
// Goals: it is data, and reading it costs a few dozen file system calls, since the hook of
// every commit does that. When in doubt, a program counts.
//
// Non-goals: running anything, even to ask for a version; finding tests (package lang);
// libraries, whose versions are in the tree's lock files.
package toolchain

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// language holds what the tests of one language depend on.
type language struct {
	signs     []string // files at the root of a tree; any one of them is a sign of the language
	programs  []string // looked up in PATH, or paths below the tree's root or a variable
	variables []string
}

// languages is the table. For others, the program of the test command counts.
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

// everywhere are the variables that tests in any language depend on.
var everywhere = []string{"TZ", "LANG", "LC_ALL"}

// Of returns what the tests of a tree depend on: the installed programs, each with path,
// size and time, and the names of variables. Root is where the tree is checked out; command
// is the test command, "" if regreen finds it.
//
// The languages are those that the root of the tree shows signs of, and that of the command.
// If neither is known, or if the command may run anything, like make, they are all
// languages.
func Of(root, command string, getenv func(string) string) (programs, variables []string) {
	runs := programOf(command)
	isOf := func(l language) bool { return slices.Contains(l.programs, runs) }
	used := languages
	if runs == "" || slices.ContainsFunc(languages, isOf) {
		used = slices.DeleteFunc(slices.Clone(languages), func(l language) bool { return !isOf(l) && !l.signedBy(root) })
	}
	if len(used) == 0 {
		used = languages
	}
	var names []string
	for _, l := range used {
		names, variables = append(names, l.programs...), append(variables, l.variables...)
	}
	for _, name := range unique(append(names, runs)) {
		if program, ok := fingerprint(name, root, getenv); ok {
			programs = append(programs, program)
		}
	}
	return programs, unique(append(variables, everywhere...))
}

// programOf returns the program of a command, after any variables that are set for it.
func programOf(command string) string {
	for word := range strings.FieldsSeq(command) {
		if !strings.Contains(word, "=") {
			return word
		}
	}
	return ""
}

// signedBy reports whether the root of a tree has a sign of the language.
func (l language) signedBy(root string) bool {
	return slices.ContainsFunc(l.signs, func(sign string) bool {
		_, err := os.Lstat(filepath.Join(root, sign))
		return err == nil
	})
}

// fingerprint identifies a version of a program by its path, size and time. ok is false if
// the program is missing. A path stays as it is in the table, so that all worktrees have the
// same fingerprint; the value of its variable counts separately.
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

// unique returns a list without empty strings and duplicates.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
