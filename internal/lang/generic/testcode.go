package generic

import (
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/regreen-ci/regreen/internal/config"
)

// The names of tests by the conventions of many languages, in addition to those that the
// configuration always protects. Words are separated by dashes, underscores and dots, and by
// capitals in names such as FooTest, so "latest" and "contest" are not tests.
var (
	// testDirs are whole names of directories.
	testDirs = []string{
		"spec", "specs", "t", "testing", "unittest", "unittests", "testcase", "testcases", "testutil", "testutils", "testsuite", "testsuites",
		"fixtures", "__fixtures__", "__mocks__", "e2e", "cypress", "step_definitions",
	}
	// firstWords and lastWords are words that the name of a test begins or ends with.
	firstWords = []string{"test", "tests"}
	lastWords  = []string{"test", "tests", "testcase", "testcases", "unittest", "unittests", "spec", "specs", "cy", "e2e", "runtest", "runtests"}
	// camelWords are the same words in names where capitals begin a word.
	camelWords = []string{"Test", "Tests", "TestCase", "Testcase", "Specs"}
	// specs are the extensions for which FooSpec is a test; in other languages it may be the
	// specification of Foo.
	specs = []string{".kt", ".kts", ".scala", ".groovy", ".hs", ".swift", ".php", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".coffee"}
	// testExtensions are the extensions of files that are always tests.
	testExtensions = []string{".t", ".bats", ".robot"}
)

// testCode reports whether a file belongs to the tests by its name.
func testCode(file string) bool {
	if config.TestFile(file) {
		return true
	}
	dir, name := path.Split(path.Clean(file))
	dirs := strings.Split(strings.Trim(dir, "/"), "/")
	for i, name := range dirs {
		if testDir(name) || features(dirs[i:], i) {
			return true
		}
	}
	return testName(name)
}

// testDir reports whether everything in a directory belongs to the tests by its name.
func testDir(name string) bool {
	if slices.Contains(testDirs, strings.ToLower(name)) {
		return true
	}
	words := separated(name)
	return slices.Contains(firstWords, words[0]) || slices.Contains(firstWords, words[len(words)-1]) || capitals(name)[0] == "test" || camelTest(name)
}

// features reports whether directories, at a depth in the tree, begin with those of Cucumber.
// In many programs, features are a part of the source.
func features(dirs []string, depth int) bool {
	if !strings.EqualFold(dirs[0], "features") {
		return false
	}
	return depth == 0 || len(dirs) > 1 && slices.Contains([]string{"steps", "support"}, strings.ToLower(dirs[1]))
}

// testName reports whether the name of a file is the name of a test.
func testName(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	stem := strings.TrimSuffix(name, path.Ext(name))
	if slices.Contains(testExtensions, ext) {
		return true
	}
	for i, part := range strings.Split(stem, ".") {
		words := separated(part)
		first, last := words[0], words[len(words)-1]
		switch {
		case slices.Contains(firstWords, first):
			return true
		case len(words) == 1 && i == 0 && (last == "spec" || last == "specs"):
			if slices.Contains(specs, ext) {
				return true
			}
		case len(words) == 1 && i == 0 && last == "cy":
		case slices.Contains(lastWords, last):
			return true
		}
	}
	if strings.HasSuffix(name, "_SUITE.erl") || strings.HasSuffix(name, "IT.java") {
		return true
	}
	words := capitals(stem)
	last := words[len(words)-1]
	switch {
	case camelTest(stem):
		return true
	case len(words) > 1 && slices.Contains([]string{".java", ".kt", ".groovy", ".scala"}, ext) && // Failsafe
		(last == "IT" || words[0] == "IT" || last == "Case" && words[len(words)-2] == "IT"):
		return true
	}
	return last == "Spec" && slices.Contains(specs, ext) || last == "Suite" && ext == ".scala"
}

// camelTest reports whether a name in camel case begins or ends with the word test.
func camelTest(name string) bool {
	return slices.Contains(camelWords, capitals(name)[0]) || slices.ContainsFunc(camelWords, func(word string) bool { return strings.HasSuffix(name, word) })
}

// separated returns the words of a name between dashes, underscores and dots, in lower case.
// There is at least one.
func separated(name string) []string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune("-_. ", r) })
	if len(words) == 0 {
		return []string{""}
	}
	return words
}

// capitals returns the words of a name in camel case. Several capitals in a row are one word:
// HTTPServerTest is HTTP, Server and Test. There is at least one word.
func capitals(name string) []string {
	runes := []rune(name)
	words, begin := []string{}, 0
	for i := 1; i < len(runes); i++ {
		starts := unicode.IsUpper(runes[i]) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if starts || !unicode.IsLetter(runes[i]) && !unicode.IsDigit(runes[i]) {
			words, begin = append(words, string(runes[begin:i])), i
		}
	}
	return append(words, string(runes[begin:]))
}
