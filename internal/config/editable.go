package config

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/confine"
)

// rules are the files that are never edited to make tests pass: what decides
// whether they pass, and what somebody else writes. The first three are what [TestFile]
// goes by. They hold for every language, so a name that is that of a test in some only is
// for these to know.
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
	{"a copy of somebody else's code", []string{"vendor", "node_modules"}},
}

// Editable reports whether regreen may change the file, and the rule against it
// where it may not. The path is slash-separated and relative to the top of the
// tree.
//
// Nothing under a .git folder or outside the tree may be changed (see
// confine.Name). Otherwise a file may when Allow names it, or when neither a
// built-in rule nor a glob of Never matches it. Case does not count, nor else what
// some file system does not tell apart (see confine.Seen).
func (c Config) Editable(name string) (ok bool, reason string) {
	name = path.Clean(name)
	if err := confine.Name(name); err != nil {
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
	for _, glob := range c.Never {
		if matchPath(glob, name) {
			return false, fmt.Sprintf("the configuration lists it under never (%s)", glob)
		}
	}
	return true, ""
}

// TestFile reports whether a file belongs to the tests by its name, in any language: a
// test, data of one, or how they run.
func TestFile(name string) bool {
	name = confine.Seen(path.Clean(name))
	for _, rule := range rules[:3] {
		if slices.ContainsFunc(rule.globs, func(glob string) bool { return matchPath(glob, name) }) {
			return true
		}
	}
	return false
}

// Match reports whether a glob that begins at the top of the tree matches a file, with **
// for any number of folders. Case does not count. A malformed glob matches nothing.
func Match(glob, name string) bool {
	return matchParts(strings.Split(strings.ToLower(path.Clean(glob)), "/"), strings.Split(strings.ToLower(name), "/"))
}

// matchPath matches as .gitignore does: a glob with a slash at its front or in
// its middle begins at the top of the tree, any other at every depth; ** stands
// for any number of folders; and what matches a folder covers all in it. A
// malformed glob matches nothing.
func matchPath(glob, name string) bool {
	glob = strings.ToLower(strings.TrimSuffix(glob, "/"))
	stem, anchored := strings.CutPrefix(strings.TrimPrefix(glob, "./"), "/")
	parts := strings.Split(stem, "/")
	if !anchored && len(parts) == 1 {
		parts = []string{"**", stem}
	}
	return matchParts(append(parts, "**"), strings.Split(strings.ToLower(name), "/"))
}

// matchParts keeps, for each part of the glob, which beginnings of the path it
// can have used up; that takes the product of both lengths, however many ** there are.
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
