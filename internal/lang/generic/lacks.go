package generic

import (
	"path"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// missingSigns are words of lines that say that something was not found, in lower case.
var missingSigns = []string{
	"not found", "no such file", "cannot find", "can't find", "could not find", "no module named", "enoent", "failed opening", "failed to open",
	"does not exist", "could not resolve", "can't open", "cannot open", "can't resolve", "cannot resolve", "cannot load",
}

// installs are the directories in which package managers install a program or a library of a
// name, as globs.
var installs = []string{
	"node_modules/*", "node_modules/.bin/*", "vendor/bin/*", "vendor/*", "bower_components/*",
	".venv/bin/*", "venv/bin/*", ".venv/lib/python3*/site-packages/*", "venv/lib/python3*/site-packages/*",
	".venv/lib/python3*/site-packages/*.py", "venv/lib/python3*/site-packages/*.py",
}

// Lacks returns globs, relative to the root, of what may be missing from the tree according to a
// failure: what lines of its output say was not found, at the places where it could be.
func (s *suite) Lacks(f testrun.Failure) []string {
	const most = 1000
	var lacks []string
	add := func(name string) {
		if name = path.Clean(name); name != "." && len(lacks) < most && !slices.Contains(lacks, name) {
			lacks = append(lacks, name)
		}
	}
	for line := range strings.Lines(f.Message + "\n" + f.Output) {
		lower := strings.ToLower(line)
		if !slices.ContainsFunc(missingSigns, func(sign string) bool { return strings.Contains(lower, sign) }) {
			continue
		}
		words := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r\n'\"`():,;[]{}<>*?\\", r) })
		for _, word := range words {
			word = strings.TrimSuffix(strings.TrimPrefix(word, "file://"), ".")
			if word == "" || path.IsAbs(word) || strings.HasPrefix(word, "..") {
				continue
			}
			add(word)
			if !strings.HasPrefix(word, ".") {
				library, _, _ := strings.Cut(word, ".") // of a Python module
				for _, glob := range installs {
					add(strings.Replace(glob, "/*", "/"+word, 1))
					if library != "" && library != word {
						add(strings.Replace(glob, "/*", "/"+library, 1))
					}
				}
			}
		}
	}
	return lacks
}
