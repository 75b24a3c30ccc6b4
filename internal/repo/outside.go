package repo

import (
	"cmp"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A tree may refer to files outside of it: by a replace in a go.mod, by a symbolic link, by a
// path in a package.json, or because go finds a go.work above the repository. What is there is
// not part of the tree: the same tree may pass today and fail tomorrow. References are found in
// the files that build tools read, whatever their syntax, as paths that climb out of the tree.

// reference is a path outside of the tree that a file of the tree, or a variable, names.
type reference struct {
	file string // what names it
	path string // relative to the root, "../lib", or absolute
}

func (f reference) String() string { return f.path + " (" + f.file + ")" }

// levels returns how many directories above the root the path passes, 0 for an absolute one.
func (f reference) levels() int {
	n := 0
	for rest := f.path; rest == ".." || strings.HasPrefix(rest, "../"); n++ {
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, ".."), "/")
	}
	return n
}

// buildFiles are patterns for the names of files in which build tools and test runners name other
// files.
var buildFiles = []string{
	"go.mod", "go.work",
	"package.json", "tsconfig*.json", "jsconfig.json", "pnpm-workspace.yaml", "lerna.json", "deno.json", "deno.jsonc", "*.config.[jt]s", "*.config.[cm][jt]s",
	"pyproject.toml", "setup.py", "setup.cfg", "requirements*.txt", "constraints*.txt", "Pipfile", "tox.ini", "pytest.ini", "conftest.py",
	"Cargo.toml", "Gemfile", "*.gemspec", "composer.json", "phpunit.xml*", "mix.exs", "Package.swift", "pubspec.yaml",
	"pom.xml", "build.gradle*", "settings.gradle*", "*.csproj", "*.sln", "Directory.Build.*",
	"CMakeLists.txt", "meson.build", "Makefile", "makefile", "GNUmakefile", "*.mk",
}

func isBuildFile(name string) bool {
	return slices.ContainsFunc(buildFiles, func(pattern string) bool {
		ok, _ := path.Match(pattern, path.Base(name))
		return ok
	})
}

// references returns the existing paths outside of the tree that its files name. The tree is in
// dir, and checked out at root. GOWORK is the variable.
func references(dir, root string, files []entry, goWork string) []reference {
	s := referenceSearch{root: root}
	goCode := false
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.path))
		switch {
		case f.mode == linkMode:
			if target, err := os.Readlink(name); err == nil {
				s.add(f.path, path.Dir(f.path), filepath.ToSlash(target))
			}
		case isBuildFile(f.path):
			s.read(name, f.path, path.Dir(f.path))
		}
		goCode = goCode || path.Base(f.path) == "go.mod"
	}
	if goCode {
		s.workspace(goWork)
	}
	slices.SortFunc(s.found, func(a, b reference) int {
		return cmp.Or(strings.Compare(a.path, b.path), strings.Compare(a.file, b.file))
	})
	return slices.Compact(s.found)
}

type referenceSearch struct {
	root  string
	found []reference
}

// workspace adds the go.work above the repository that the go command finds from the root, and
// what it names.
func (s *referenceSearch) workspace(variable string) {
	file := variable
	if file == "" {
		for dir := filepath.Dir(s.root); file == ""; dir = filepath.Dir(dir) {
			if info, err := os.Stat(filepath.Join(dir, "go.work")); err == nil && info.Mode().IsRegular() {
				file = filepath.Join(dir, "go.work")
			} else if dir == filepath.Dir(dir) {
				return
			}
		}
	}
	rel, err := filepath.Rel(s.root, file)
	if err != nil || filepath.IsLocal(rel) {
		return
	}
	name := filepath.ToSlash(rel)
	s.add("go.work", ".", name)
	for _, word := range strings.Fields(readBuildFile(file)) {
		s.add(name, path.Dir(name), strings.Trim(word, "\"`"))
	}
}

// maxBuildFile is how much of a build file is read.
const maxBuildFile = 1 << 20

// read adds the paths in a file whose relative paths count from dir.
func (s *referenceSearch) read(name, shown, dir string) {
	text := readBuildFile(name)
	for _, at := range climbing().FindAllStringSubmatchIndex(text, -1) {
		if next := text[at[3]:]; next == "" || next[0] != '.' && !wordByte(next[0]) {
			s.add(shown, dir, text[at[2]:at[3]])
		}
	}
	if base := path.Base(shown); base == "go.mod" || base == "go.work" {
		for _, m := range absolutePath().FindAllStringSubmatch(text, -1) {
			s.add(shown, dir, m[1])
		}
	}
}

// readBuildFile returns the text of a file, "" if it cannot be read.
func readBuildFile(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBuildFile))
	if err != nil {
		return ""
	}
	return string(text)
}

func wordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

var (
	// climbing matches a relative path that begins with its way up, at the start of a word or after
	// an option such as -I.
	climbing = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile("(?:^|[^\\w./-]|-[A-Za-z]+)((?:\\./)*(?:\\.\\./)*\\.\\.(?:/[^\\s\"'`,;:()\\[\\]{}<>|&=?*$\\\\]*)?)")
	})
	// absolutePath matches a directory in go.mod or go.work.
	absolutePath = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("(?m)(?:^|[\\s\"'`])(/[^/\\s\"'`][^\\s\"'`]*)") })
)

// add adds a path if it is outside of the tree and exists. Relative paths count from dir.
func (s *referenceSearch) add(file, dir, target string) {
	absolute := filepath.FromSlash(target)
	if !filepath.IsAbs(absolute) {
		target = path.Join(dir, target)
		absolute = filepath.Join(s.root, filepath.FromSlash(target))
		if rel, err := filepath.Rel(s.root, absolute); err != nil || filepath.IsLocal(rel) {
			return
		}
	}
	if _, err := os.Lstat(absolute); err == nil {
		s.found = append(s.found, reference{file, target})
	}
}
