package main

import (
	"path"
	"regexp"
)

// module is a published module to measure with.
type module struct {
	Path, Version string
	What          string // why it is in the list
	Leaf          string // a file of a package that few others import; commits change it
}

var modules = []module{
	{"github.com/Masterminds/semver/v3", "v3.3.1", "one small package", "version.go"},
	{"github.com/yuin/goldmark", "v1.7.12", "large test data", "extension/table.go"},
	{"gotest.tools/gotestsum", "v1.13.0", "slow tests, temporary directories, test data", "cmd/tool/slowest/slowest.go"},
	{"github.com/spf13/afero", "v1.15.0", "tests of file systems", "zipfs/fs.go"},
	{"github.com/rogpeppe/go-internal", "v1.14.1", "slow tests that the cache never has", "dirhash/hash.go"},
	{"google.golang.org/protobuf", "v1.36.10", "more than 100 packages", "types/dynamicpb/dynamic.go"},
	{"github.com/rhysd/actionlint", "v1.7.7", "tests that fail without a network", "scripts/generate-availability/main.go"},
}

var majorVersion = regexp.MustCompile(`^v\d+$`)

// name returns the last element of the path, without a version.
func (m module) name() string {
	if majorVersion.MatchString(path.Base(m.Path)) {
		return path.Base(path.Dir(m.Path))
	}
	return path.Base(m.Path)
}
