package resultfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
)

// treeOf returns options for a tree with these files.
func treeOf(t testing.TB, names ...string) Options {
	t.Helper()
	root := filepath.Join(t.TempDir(), "m")
	for _, name := range names {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Options{Root: root, Tree: NewTree(root), Modules: []gotest.Module{{Dir: ".", Path: "example.com/m"}}}
}

// TestFile checks which file of the tree a name means, in all forms in which tools write it, and
// that no name means another file.
func TestFile(t *testing.T) {
	t.Parallel()
	opt := treeOf(t, "p_test.go", "pkg/p_test.go", "pkg/q_test.go", "only_test.go", "sub/pkg/q_test.go", "web/src/a.ts", "a b/c.py", "same/x.js", "other/x.js", "json/decoder.py", "calc.py", "vendor/v/v.go")
	for name, want := range map[string]string{
		"pkg/p_test.go":                             "pkg/p_test.go",
		"./pkg/p_test.go":                           "pkg/p_test.go",
		`pkg\p_test.go`:                             "pkg/p_test.go",
		opt.Root + "/pkg/p_test.go":                 "pkg/p_test.go",
		"file://" + opt.Root + "/pkg/p_test.go":     "pkg/p_test.go",
		"example.com/m/pkg/p_test.go":               "pkg/p_test.go",
		"src/a.ts":                                  "web/src/a.ts", // of a command in web
		`D:\a\m\pkg\p_test.go`:                      "pkg/p_test.go",
		"D:/a/m/pkg/p_test.go":                      "pkg/p_test.go",
		"file:///D:/a/m/pkg/p_test.go":              "pkg/p_test.go",
		`\\server\share\m\pkg\p_test.go`:            "pkg/p_test.go",
		`\\?\D:\a\m\pkg\p_test.go`:                  "pkg/p_test.go",
		"/home/runner/work/m/m/pkg/p_test.go":       "pkg/p_test.go",
		"/home/runner/work/m/m/sub/pkg/q_test.go":   "sub/pkg/q_test.go", // the longest
		"/home/runner/work/m/m/only_test.go":        "only_test.go",
		"/usr/src/app/only_test.go":                 "only_test.go",
		"/go/src/example.com/m/pkg/p_test.go":       "pkg/p_test.go",
		"/var/lib/jenkins/workspace/m/only_test.go": "only_test.go",
		"file:///app/a%20b/c.py":                    "a b/c.py",
		"webpack://shop/./web/src/a.ts?1f2e":        "web/src/a.ts",
		"webpack:///src/a.ts":                       "web/src/a.ts",
		"webpack-internal:///(rsc)/./web/src/a.ts":  "web/src/a.ts",

		"/home/runner/work/m/m/p_test.go":       "", // this one, or that of pkg
		`D:\a\m\p_test.go`:                      "",
		"/home/runner/work/m/m/x.js":            "",
		"x.js":                                  "",
		"/home/runner/work/m/m/none/p_test.go":  "",
		"missing_test.go":                       "",
		"/home/runner/work/m/m/missing_test.go": "",
		"/etc/calc.py":                          "",
		"/usr/lib/python3.11/json/decoder.py":   "",
		"/root/.pyenv/versions/3.11/lib/python3.11/json/decoder.py": "",
		`C:\Python311\Lib\json\decoder.py`:                          "",
		"/usr/local/go/src/pkg/p_test.go":                           "",
		"/home/u/go/pkg/mod/x.com/y@v1/pkg/p_test.go":               "",
		"/app/node_modules/y/web/src/a.ts":                          "",
		"/app/vendor/v/v.go":                                        "",
		"https://example.com/web/src/a.ts":                          "",
		"node:internal/a.ts":                                        "",
		"../pkg/p_test.go":                                          "",
		"pkg":                                                       "",
		"/":                                                         "",
		"":                                                          "",
	} {
		if got := opt.file(name, ""); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		opt := Options{Root: opt.Root, Modules: opt.Modules} // without the tree
		if got := opt.file(name, ""); got != want && strings.HasPrefix(got, "/") || strings.Contains(got, ":") {
			t.Errorf("%s without the tree: got %q", name, got)
		}
	}
}

// TestForeignResults checks that results from another machine name the files of this tree, in
// each format.
func TestForeignResults(t *testing.T) {
	t.Parallel()
	opt := treeOf(t, "pkg/p.go", "pkg/p_test.go", "web/a.test.js")
	for name, content := range map[string]string{
		"junit":        suite(`<testcase classname="p" name="a" file="D:\a\m\pkg\p_test.go" line="3"><failure message="no"/></testcase>`),
		"junit, text":  suite(`<testcase classname="p" name="a"><failure message="no">at D:\a\m\pkg\p_test.go:3</failure></testcase>`),
		"junit, other": suite(`<testcase classname="p" name="a"><failure message="no">C:\Go\src\testing\testing.go:99 D:\a\m\pkg\p_test.go:3</failure></testcase>`),
		"tap":          "1..1\nnot ok 1 - a\n  ---\n  at: 'D:\\a\\m\\pkg\\p_test.go:3:5'\n  ...\n",
		"ctrf":         `{"results":{"tests":[{"name":"a","status":"failed","filePath":"/home/runner/work/m/m/pkg/p_test.go","line":3}]}}`,
		"go": lines(
			`{"Action":"run","Package":"example.com/m/pkg","Test":"a"}`,
			`{"Action":"output","Package":"example.com/m/pkg","Test":"a","Output":"    D:\\a\\m\\pkg\\p_test.go:3: no\n"}`,
			`{"Action":"fail","Package":"example.com/m/pkg","Test":"a"}`, `{"Action":"output","Package":"example.com/m/pkg","Output":"FAIL\n"}`, `{"Action":"fail","Package":"example.com/m/pkg"}`,
		),
	} {
		f, err := Read("r", strings.NewReader(content), opt)
		if err != nil {
			t.Fatal(err)
		}
		failures := Merge([]*File{f}).Failures
		if len(failures) != 1 || fmt.Sprintf("%s:%d", failures[0].File, failures[0].Line) != "pkg/p_test.go:3" {
			t.Errorf("%s: got %+v", name, failures)
		}
	}
}
