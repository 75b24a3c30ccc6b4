package coverage

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/regreen-ci/regreen/internal/localize"
	"github.com/regreen-ci/regreen/internal/testrun"
)

func testID(pkg, test string) testrun.TestID { return testrun.TestID{Package: pkg, Test: test} }

// tree writes files into a temporary directory and returns its path.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// sourceOf returns files as localization reads them.
func sourceOf(t testing.TB, files map[string]string) *localize.Source {
	t.Helper()
	return localize.NewSource(tree(t, files), nil, Outline)
}
