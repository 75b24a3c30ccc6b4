package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var keptBy = regexp.MustCompile("`([a-z/]+)` `((?:Test|Fuzz)\\w+)(?:/([\\w.-]+))?`")

// TestGuaranteesAreKept checks that each promise in guarantees.md names at least one test, and
// that these tests exist.
func TestGuaranteesAreKept(t *testing.T) {
	t.Parallel()
	promises, _, ok := strings.Cut(read(t, "docs/guarantees.md"), "\n## Limits\n")
	if !ok {
		t.Fatal("docs/guarantees.md has no section Limits")
	}
	items := strings.Split(promises, "\n- ")[1:]
	if len(items) < 20 {
		t.Fatalf("docs/guarantees.md has only %d promises", len(items))
	}
	for _, item := range items {
		item, _, _ = strings.Cut(item, "\n\n")
		promise, _, _ := strings.Cut(item, "\n")
		_, tests, _ := strings.Cut(strings.Join(strings.Fields(item), " "), "Kept by ")
		named := keptBy.FindAllStringSubmatch(tests, -1)
		if len(named) == 0 {
			t.Errorf("no test is named for: %s", promise)
		}
		for _, m := range named {
			if !testExists(t, m[1], m[2], m[3]) {
				t.Errorf("there is no %s %s, which should keep: %s", m[1], strings.TrimSuffix(m[2]+"/"+m[3], "/"), promise)
			}
		}
	}
}

// testExists reports whether a package has a test. A subtest of TestScript is a script.
func testExists(t *testing.T, dir, name, subtest string) bool {
	t.Helper()
	dir = filepath.Join("..", filepath.FromSlash(dir))
	if name == "TestScript" && subtest != "" {
		_, err := os.Stat(filepath.Join(dir, "testdata", "script", subtest+".txtar"))
		return err == nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}
