package generic

import (
	"slices"
	"testing"

	"github.com/regreen-ci/regreen/internal/testrun"
)

func TestLacks(t *testing.T) {
	t.Parallel()
	s := newSuite(t.TempDir(), "", "make test", nil, testrun.NewSandbox(nil))
	for _, tt := range []struct{ output, want string }{
		{"Error: Cannot find module 'lodash'\nRequire stack:", "node_modules/lodash"},
		{"Error: Cannot find module 'lodash/fp'", "node_modules/lodash/fp"},
		{"Error [ERR_MODULE_NOT_FOUND]: Cannot find package '@scope/a' imported from x.mjs", "node_modules/@scope/a"},
		{"Error: Cannot find module './dist/index.js'", "dist/index.js"},
		{"sh: 1: jest: not found", "node_modules/.bin/jest"},
		{"/bin/sh: line 1: jest: command not found", "node_modules/.bin/jest"},
		{"/bin/sh: 1: ./node_modules/.bin/jest: not found", "node_modules/.bin/jest"},
		{"/bin/sh: 1: .venv/bin/python: not found", ".venv/bin/python"},
		{"ModuleNotFoundError: No module named 'requests.adapters'", ".venv/lib/python3*/site-packages/requests"},
		{"PHP Fatal error: Failed opening required 'vendor/autoload.php'", "vendor/autoload.php"},
		{"ENOENT: no such file or directory, open 'build/data.json'", "build/data.json"},
		{"cat: /etc/none: No such file or directory", ""},
		{"AssertionError: 1 != 2 in node_modules/x", ""},
	} {
		got := s.Lacks(testrun.Failure{Output: tt.output})
		if tt.want == "" && slices.ContainsFunc(got, func(name string) bool { return name == "etc/none" || name == "node_modules/x" }) ||
			tt.want != "" && !slices.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.output, got, tt.want)
		}
	}
}
