package config

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/confine"
)

// rules are the files that are never edited to make tests pass: those that decide whether tests
// pass, and those that others write. [TestFile] uses the first three. The rules apply to every
// language, so a name that belongs to a test only in some languages is left to those languages.
var rules = []struct {
	why   string
	globs []string
}{
	{"a test", []string{
		"*_test.go", "test_*.py", "*_test.py", "*_tests.py", "tests.py", "conftest.py", "*.test.*", "*.spec.*", "*.cy.[jt]s", "*.cy.[jt]sx",
		`*[_\-]test.[jt]s`, `*[_\-]test.[mc][jt]s`, `*[_\-]test.[jt]sx`, `*[_\-]spec.[jt]s`, `*[_\-]spec.[mc][jt]s`, `*[_\-]spec.[jt]sx`, "__tests__", "*_spec.rb", "*_test.rb",
		"spec_helper.rb", "rails_helper.rb", "test_helper.rb", "*_test.c", "*_test.cc", "*_test.cpp", "*_unittest.c", "*_unittest.cc", "*_unittest.cpp", "*_test.exs",
		"*.bats", "*.phpt", "*.feature", "**/src/test", "**/src/it",
	}},
	{"data of a test", []string{"testdata", "__snapshots__", "*.snap", "*.golden"}},
	{"configuration of tests", []string{
		"pytest.ini", ".pytest.ini", "pytest.toml", "tox.ini", "noxfile.py", "setup.cfg", ".coveragerc", "jest.config.*", "jest.setup.*", "vitest.config.*", "vitest.setup.*",
		"vitest.workspace.*", ".mocharc*", "ava.config.*", "karma.conf.*", "jasmine.json", "wdio.conf.*", "playwright.config.*", "cypress.config.*", "cypress.json",
		"phpunit.xml*", "phpunit.dist.xml", "behat.yml*", "codeception.yml", ".rspec", "nextest.toml", "junit-platform.properties",
	}},
	{"configuration of CI", []string{
		"/.github", "/.gitlab-ci.yml", "/.gitlab", "/.circleci", "/.buildkite", "/.gitea", "/.forgejo", "/.woodpecker", "Jenkinsfile", "Jenkinsfile.*",
		"azure-pipelines*.yml", "azure-pipelines*.yaml", "bitbucket-pipelines.yml", "/.travis.yml", "/.drone.yml", "appveyor.yml", "/.ci",
	}},
	{"configuration of hooks", []string{".pre-commit-config.yaml", "lefthook*.yml", "/.husky", "/.config/regreen.yml", ".regreen*.yml"}},
	{"a lock file", []string{
		"go.sum", "go.work.sum", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb", "deno.lock", "Cargo.lock",
		"poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock", "Gemfile.lock", "composer.lock", "mix.lock", "gradle.lockfile", "packages.lock.json", "flake.lock",
	}},
	{"third-party code", []string{"vendor", "node_modules"}},
}

// Editable reports whether regreen may change a file and, if not, which rule forbids it. The
// path is slash-separated and relative to the top of the tree.
//
// A file under a .git directory or outside the tree is never editable (see confine.Existing). Any
// other file is editable if Allow names it, or if no built-in rule and no glob of Never matches
// it. Names that some file system treats as the same are the same here, whatever their case
// (see confine.Seen).
func (c Config) Editable(name string) (ok bool, reason string) {
	name = path.Clean(name)
	if err := confine.Existing(name); err != nil {
		return false, err.Error()
	}
	if slices.Contains(c.Allow, name) {
		return true, ""
	}
	name = confine.Seen(name)
	for _, rule := range rules {
		for _, glob := range rule.globs {
			if matchPath(glob, name) {
				return false, fmt.Sprintf("it is %s (%s)", rule.why, glob)
			}
		}
	}
	for _, glob := range c.Carry {
		if matchPath("/"+glob, name) {
			return false, fmt.Sprintf("git does not have it (carry: %s)", glob)
		}
	}
	for _, glob := range c.Never {
		if matchPath(glob, name) {
			return false, fmt.Sprintf("the configuration lists it under never (%s)", glob)
		}
	}
	return true, ""
}

// TestFile reports whether a file belongs to the tests of any language by its name: a test, its
// data, or the configuration of tests.
func TestFile(name string) bool {
	name = confine.Seen(path.Clean(name))
	for _, rule := range rules[:3] {
		if slices.ContainsFunc(rule.globs, func(glob string) bool { return matchPath(glob, name) }) {
			return true
		}
	}
	return false
}

// Match reports whether a glob that starts at the top of the tree matches a file. ** matches any
// number of directories, case is ignored, and a malformed glob matches nothing.
func Match(glob, name string) bool {
	return matchParts(strings.Split(strings.ToLower(path.Clean(glob)), "/"), strings.Split(strings.ToLower(name), "/"))
}

// matchPath matches like .gitignore: a glob with a slash at its start or in its middle starts at
// the top of the tree, any other at every depth; ** matches any number of directories; and a
// glob that matches a directory matches everything in it. A malformed glob matches nothing.
func matchPath(glob, name string) bool {
	glob = strings.ToLower(strings.TrimSuffix(glob, "/"))
	stem, anchored := strings.CutPrefix(strings.TrimPrefix(glob, "./"), "/")
	parts := strings.Split(stem, "/")
	if !anchored && len(parts) == 1 {
		parts = []string{"**", stem}
	}
	return matchParts(append(parts, "**"), strings.Split(strings.ToLower(name), "/"))
}

// matchParts finds, part by part of the glob, which prefixes of the path the parts so far can
// match. Its time is proportional to the product of both lengths, however many ** there are.
func matchParts(glob, name []string) bool {
	used := make([]bool, len(name)+1)
	used[0] = true
	for _, g := range glob {
		next := make([]bool, len(name)+1)
		for i := range used {
			switch {
			case g == "**":
				next[i] = used[i] || i > 0 && next[i-1]
			case i > 0 && used[i-1]:
				ok, err := path.Match(g, name[i-1])
				next[i] = ok && err == nil
			}
		}
		used = next
	}
	return used[len(name)]
}
