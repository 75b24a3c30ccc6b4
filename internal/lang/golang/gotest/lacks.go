package gotest

import (
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/testrun"
)

var (
	noEmbed = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^(\S+\.go):\d+(?::\d+)?: pattern (?:all:)?(\S+?): (?:no matching files found|cannot embed directory \S+: contains no embeddable files)`)
	})
	noPackage = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?:provides|providing|contain) package ([^\s;:]+)|package ([^\s;:]+) is not in std`)
	})
	noName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^(\S+\.go):\d+(?::\d+)?: undefined: (?:(\w+)\.)?\w+`)
	})
	noFile = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?:open|stat|lstat|chdir|fork/exec) ([^\s:]+): no such file or directory`)
	})
)

// Lacks returns the files and directories, relative to the root, that may be missing from the tree
// according to a failure: embedded files, the directory of a package, directories whose code may
// be incomplete, and files that a test wants to open.
func (s *Suite) Lacks(f testrun.Failure) []string {
	var lacks []string
	for _, m := range noEmbed().FindAllStringSubmatch(f.Output, -1) {
		pattern := m[2]
		if i := strings.IndexAny(pattern, `*?[\`); i >= 0 {
			pattern = path.Dir(pattern[:i] + "x")
		}
		lacks = append(lacks, path.Join(path.Dir(m[1]), pattern))
	}
	for _, m := range noPackage().FindAllStringSubmatch(f.Output, -1) {
		for _, module := range s.Modules {
			if dir, ok := strings.CutPrefix(m[1]+m[2], module.Path+"/"); ok {
				lacks = append(lacks, path.Join(module.Dir, dir))
			}
		}
	}
	s.mu.Lock()
	packages := s.packages
	s.mu.Unlock()
	for _, m := range noName().FindAllStringSubmatch(f.Output, -1) {
		lacks = append(lacks, path.Dir(m[1]))
		for i := range packages {
			if packages[i].Name == m[2] {
				lacks = append(lacks, packages[i].Dir)
			}
		}
	}
	for _, m := range noFile().FindAllStringSubmatch(f.Output, -1) {
		for i := range packages {
			if packages[i].ImportPath == f.Package && !filepath.IsAbs(m[1]) {
				lacks = append(lacks, path.Join(packages[i].Dir, filepath.ToSlash(m[1])))
			}
		}
	}
	return lacks
}
