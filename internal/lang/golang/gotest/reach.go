package gotest

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// Reached returns the packages that a change of files can break, according to the imports:
//
//   - a Go file affects its package and all packages that depend on it; a test file affects
//     its package alone;
//   - a file below a testdata directory affects the package of that directory and the
//     packages below it;
//   - any other file affects everything: tests may read it, or the go command depends on it
//     (go.mod, go.sum, go.work, vendor).
//
// The caller leaves out files that no test reads. A suite with a command of its own, or with
// patterns, is always affected as a whole.
func (s *Suite) Reached(ctx context.Context, files []string) (testrun.Reach, error) {
	if s.Command != nil || s.Patterns != nil {
		return testrun.Reach{All: true, Why: "the test command"}, nil
	}
	all, err := s.Packages(ctx)
	if err != nil {
		return testrun.Reach{}, err
	}
	byDir := make(map[string]string, len(all))
	for _, p := range all {
		byDir[p.Dir] = p.ImportPath
	}
	var changed, tests []string
	for _, file := range files {
		dir, name := path.Dir(file), path.Base(file)
		if owner, ok := testdata(dir); ok {
			for _, p := range all {
				if p.Dir == owner || owner == "." || strings.HasPrefix(p.Dir, owner+"/") {
					tests = append(tests, p.ImportPath)
				}
			}
			continue
		}
		pkg, known := byDir[dir]
		switch {
		case path.Ext(name) != ".go" || !known || strings.HasPrefix(dir, "vendor/") || strings.Contains(dir, "/vendor/"):
			return testrun.Reach{All: true, Why: file}, nil
		case strings.HasSuffix(name, "_test.go"):
			tests = append(tests, pkg)
		default:
			changed = append(changed, pkg)
		}
	}
	reach := testrun.Reach{}
	for _, p := range dependingOn(all, changed) { // even those without tests: they must build
		reach.Packages = append(reach.Packages, p.ImportPath)
		if p.HasTests() {
			reach.Tested = append(reach.Tested, p.ImportPath)
		}
	}
	for _, p := range all {
		if p.HasTests() && slices.Contains(tests, p.ImportPath) && !slices.Contains(reach.Packages, p.ImportPath) {
			reach.Packages = append(reach.Packages, p.ImportPath)
			reach.Tested = append(reach.Tested, p.ImportPath)
		}
	}
	for _, p := range all {
		if p.HasTests() && !slices.Contains(reach.Packages, p.ImportPath) {
			reach.Rest++
		}
	}
	slices.Sort(reach.Packages)
	slices.Sort(reach.Tested)
	return reach, nil
}

// Reads returns those of the files, which are in other languages, that builds and tests depend
// on: sources of cgo, embedded files, deleted files that may have been either, and files in a
// testdata directory of a package.
func (s *Suite) Reads(ctx context.Context, files []string) ([]string, error) {
	all, err := s.Packages(ctx)
	if err != nil {
		return nil, err
	}
	others := make(map[string]bool)
	for _, p := range all {
		for _, name := range p.OtherFiles {
			others[path.Join(p.Dir, filepath.ToSlash(name))] = true
		}
	}
	var read []string
	for _, file := range files {
		_, err := os.Stat(s.abs(file))
		gone := err != nil // so go list does not list it
		owner, data := testdata(path.Dir(file))
		ours := slices.ContainsFunc(all, func(p Package) bool {
			return data && (p.Dir == owner || owner == "." || strings.HasPrefix(p.Dir, owner+"/")) ||
				gone && (p.Dir == "." || strings.HasPrefix(file, p.Dir+"/"))
		})
		if others[file] || ours {
			read = append(read, file)
		}
	}
	return read, nil
}

// testdata returns the directory that contains the outermost testdata directory of a path.
func testdata(dir string) (owner string, ok bool) {
	elements := strings.Split(dir, "/")
	i := slices.Index(elements, "testdata")
	switch {
	case i < 0:
		return "", false
	case i == 0:
		return ".", true
	}
	return strings.Join(elements[:i], "/"), true
}
