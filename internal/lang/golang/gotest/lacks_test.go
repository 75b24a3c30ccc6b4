package gotest

import (
	"slices"
	"testing"

	"github.com/regreen-ci/regreen/internal/testrun"
)

func TestLacks(t *testing.T) {
	t.Parallel()
	s := &Suite{
		Modules:  []Module{{Dir: ".", Path: "example.com/m"}, {Dir: "tool", Path: "example.com/tool"}},
		packages: []Package{{ImportPath: "example.com/m/web", Dir: "web", Name: "web"}, {ImportPath: "example.com/m/x/gen", Dir: "x/gen", Name: "gen"}},
	}
	for _, tt := range []struct{ output, want string }{
		{"web/web.go:5:12: pattern all:dist: no matching files found\n", "web/dist"},
		{"web/web.go:5:12: pattern dist/*.js: no matching files found\n", "web/dist"},
		{"web.go:5:12: pattern *.js: no matching files found\n", "."},
		{"web/web.go:5:12: pattern dist: cannot embed directory dist: contains no embeddable files\n", "web/dist"},
		{"a/a.go:3:8: no required module provides package example.com/m/gen; to add it:\n", "gen"},
		{"a/a.go:3:8: package example.com/tool/gen/v1 is not in std (/go/src/example.com/tool/gen/v1)\n", "tool/gen/v1"},
		{"a/a.go:3:8: no required module provides package github.com/other/x; to add it:\n", ""},
		{"a/a.go:9:2: undefined: Version\n", "a"},
		{"a/a.go:9:2: undefined: gen.Version\n", "x/gen"},
		{"    web_test.go:9: open dist/app.js: no such file or directory\n", "web/dist/app.js"},
		{"    web_test.go:9: open ../dist/app.js: no such file or directory\n", "dist/app.js"},
		{"    web_test.go:9: open /etc/x: no such file or directory\n", ""},
		{"    web_test.go:9: got 1, want 2\n", ""},
	} {
		got := s.Lacks(testrun.Failure{TestID: testrun.TestID{Package: "example.com/m/web"}, Output: tt.output})
		if tt.want == "" && len(got) > 0 || tt.want != "" && !slices.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.output, got, tt.want)
		}
	}
}
