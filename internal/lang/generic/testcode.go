package generic

import (
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/regreen-ci/regreen/internal/config"
)

// The names that the conventions of many languages have for tests, besides those that the
// configuration protects for everybody. Words are what dashes, underscores and dots
// separate, and capitals in names such as FooTest; so "latest" and "contest" are no tests.
var (
	// testFolders are names of folders as a whole.
	testFolders = []string{
		"spec", "specs", "t", "testing", "unittest", "unittests", "testcase", "testcases", "testutil", "testutils", "testsuite", "testsuites",
		"fixtures", "__fixtures__", "__mocks__", "e2e", "cypress", "step_definitions",
	}
	// firstWords and lastWords are those that a name of a test begins or ends with.
	firstWords = []string{"test", "tests"}
	lastWords  = []string{"test", "tests", "testcase", "testcases", "unittest", "unittests", "spec", "specs", "cy", "e2e", "runtest", "runtests"}
	// camelWords are the same where capitals begin a word.
	camelWords = []string{"Test", "Tests", "TestCase", "Testcase", "Specs"}
	// specs are the extensions where FooSpec is a test; elsewhere it may well be the
	// specification of a Foo.
	specs = []string{".kt", ".kts", ".scala", ".groovy", ".hs", ".swift", ".php", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".coffee"}
	// testExtensions are those of files that are nothing but tests.
	testExtensions = []string{".t", ".bats", ".robot"}
)

// testCode reports whether a file belongs to the tests, by its name.
func testCode(file string) bool {
	if config.TestFile(file) {
		return true
	}
	dir, name := path.Split(path.Clean(file))
	folders := strings.Split(strings.Trim(dir, "/"), "/")
	for i, folder := range folders {
		if testFolder(folder) || features(folders[i:], i) {
			return true
		}
	}
	return testName(name)
}

// testFolder reports whether everything in folders of a name belongs to the tests.
func testFolder(name string) bool {
	if slices.Contains(testFolders, strings.ToLower(name)) {
		return true
	}
	words := separated(name)
	return slices.Contains(firstWords, words[0]) || slices.Contains(firstWords, words[len(words)-1]) || capitals(name)[0] == "test" || camelTest(name)
}

// features reports whether folders, which stand that deep in the tree, begin with those of
// Cucumber. In many programs features are a part of the source.
func features(folders []string, depth int) bool {
	if !strings.EqualFold(folders[0], "features") {
		return false
	}
	return depth == 0 || len(folders) > 1 && slices.Contains([]string{"steps", "support"}, strings.ToLower(folders[1]))
}

// testName reports whether the name of a file is that of a test.
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

// camelTest reports whether a name begins or ends with the word test, as capitals have it.
func camelTest(name string) bool {
	return slices.Contains(camelWords, capitals(name)[0]) || slices.ContainsFunc(camelWords, func(word string) bool { return strings.HasSuffix(name, word) })
}

// separated are the words of a name between dashes, underscores and dots, in small letters.
// There is one at least.
func separated(name string) []string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune("-_. ", r) })
	if len(words) == 0 {
		return []string{""}
	}
	return words
}

// capitals are the words of a name as its capitals begin them, of which several in a row
// are one: HTTPServerTest is HTTP, Server and Test. There is one at least.
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
