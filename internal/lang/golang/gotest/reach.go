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

// Reached tells which packages a change of files can break, by the imports:
//
//   - a Go file, its package and all that depend on it; a test file, its package alone;
//   - what is below a testdata folder, the package that the folder belongs to and those
//     beneath it;
//   - any other file may be read by any test, and what the go command goes by (go.mod,
//     go.sum, go.work, vendor) changes everything.
//
// It is for changes of what is tested; files that tests do not read are to be left out
// of them before. A suite with a command of its own, or with patterns, is run as it is.
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
	for _, p := range dependingOn(all, changed) { // without tests, too: they have to build
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

// Reads returns those of files in other languages that builds and tests depend on: those of
// cgo, those that are embedded, also once they are deleted, and what is in a testdata folder
// of a package.
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
		gone := err != nil // and so in no list
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

// testdata gives the folder that holds the outermost testdata folder of a path.
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
