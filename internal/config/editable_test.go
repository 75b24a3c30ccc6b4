package config

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestEditable(t *testing.T) {
	t.Parallel()
	c := Config{Never: []string{"internal/generated", "*.pb.go", "/build.go", "docs/**/api/"}, Allow: []string{"testdata/fix.txt", ".git/config", "go.sum", "gen.pb.go"}}
	for _, tt := range []struct {
		path   string
		reason string // empty for editable
	}{
		{"main.go", ""},
		{"internal/detect/detect.go", ""},
		{"go.mod", ""},
		{"contest.go", ""},
		{"latest/tests.go", ""},
		{"vendored/x.go", ""},
		{".gitignore", ""},
		{"./pkg/../main.go", ""},
		{"main_test.go", "a test"},
		{"a/b/main_test.go", "a test"},
		{"a/b/main_te\u200dst.go", "a test"},
		{"a/b/main_test.go.", "a test"},
		{"web/app.test.tsx", "a test"},
		{"web/__tests__/app.tsx", "a test"},
		{"py/tests_x/test_app.py", "a test"},
		{"java/src/test/java/App.java", "a test"},
		{"shop/tests.py", "a test"},
		{"shop/model_tests.py", "a test"},
		{"shop/Model_Tests.PY", "a test"},
		{"web/app-test.js", "a test"},
		{"web/app_spec.mts", "a test"},
		{"web/app-spec.tsx", "a test"},
		{"web/login.cy.ts", "a test"},
		{"spec/spec_helper.rb", "a test"},
		{"base/list_unittest.cc", "a test"},
		{"login.feature", "a test"},
		{"core/src/it/java/App.java", "a test"},
		{"contest.py", ""},
		{"src/latest.js", ""},
		{"testimony.py", ""},
		{"attestation.go", ""},
		{"src/contest.ts", ""},
		{"web/inspec.js", ""},
		{"src/features/login.tsx", ""},
		{"pytest.ini", "configuration of tests"},
		{"sub/tox.ini", "configuration of tests"},
		{"setup.cfg", "configuration of tests"},
		{"web/jest.config.mjs", "configuration of tests"},
		{"vitest.config.ts", "configuration of tests"},
		{".mocharc.yml", "configuration of tests"},
		{"karma.conf.js", "configuration of tests"},
		{"PHPUnit.xml.dist", "configuration of tests"},
		{"setup.py", ""},
		{"webpack.config.js", ""},
		{"testdata/a.txt", "data of a test"},
		{"a/testdata/deep/er/a.txt", "data of a test"},
		{"a/__snapshots__/x.js", "data of a test"},
		{"a/x.snap", "data of a test"},
		{"a/x.golden", "data of a test"},
		{".github/workflows/ci.yml", "CI"},
		{".gitlab-ci.yml", "CI"},
		{".circleci/config.yml", "CI"},
		{"Jenkinsfile", "CI"},
		{"jenkinsfile", "CI"},
		{"azure-pipelines.yml", "CI"},
		{"bitbucket-pipelines.yml", "CI"},
		{".buildkite/pipeline.yml", "CI"},
		{"sub/go.sum", "a lock file"},
		{"go.work.sum", "a lock file"},
		{"web/package-lock.json", "a lock file"},
		{"yarn.lock", "a lock file"},
		{"pnpm-lock.yaml", "a lock file"},
		{"Cargo.lock", "a lock file"},
		{"poetry.lock", "a lock file"},
		{"uv.lock", "a lock file"},
		{"vendor/x/y.go", "third-party code"},
		{"sub/vendor/x/y.go", "third-party code"},
		{".regreen.yml", "hooks"},
		{".regreen-local.yml", "hooks"},
		{".config/regreen.yml", "hooks"},
		{"internal/generated/x.go", "never (internal/generated)"},
		{"Internal/Generated/x.go", "never (internal/generated)"},
		{"x/internal/generated/x.go", ""},
		{"api/x.pb.go", "never (*.pb.go)"},
		{"build.go", "never (/build.go)"},
		{"cmd/build.go", ""},
		{"docs/api/x.go", "never"},
		{"docs/v1/v2/api/x.go", "never"},
		{"docs/apis/x.go", ""},
		{"testdata/fix.txt", ""},
		{"go.sum", ""},
		{"gen.pb.go", ""},
		{"testdata/../go.sum", ""},
		{".git/config", "belongs to git"},
		{".git", "belongs to git"},
		{"sub/.git/hooks/pre-commit", "belongs to git"},
		{".GIT/config", "belongs to git"},
		{".git./config", "belongs to git"},
		{".git /config", "belongs to git"},
		{"git~1/config", "belongs to git"},
		{".git::$INDEX_ALLOCATION/config", "belongs to git"},
		{".g\u200cit/config", "belongs to git"},
		{"a/../.git/config", "belongs to git"},
		{"", "not a path"},
		{".", "not a path"},
		{"..", "not a path"},
		{"../x.go", "not a path"},
		{"a/../../x.go", "not a path"},
		{"/etc/passwd", "not a path"},
		{`a\..\.git\config`, "not a path"},
		{"a\x00.go", "not a path"},
	} {
		ok, reason := c.Editable(tt.path)
		if ok != (tt.reason == "") || !strings.Contains(reason, tt.reason) {
			t.Errorf("%q: got %v %q, want %q", tt.path, ok, reason, tt.reason)
		}
	}
}

// Never only forbids, and a file under .git is not editable whatever the configuration says.
func TestNeverOnlyForbids(t *testing.T) {
	t.Parallel()
	part := rapid.SampledFrom([]string{"a", "b", ".git", ".Git", "x.go", "x_test.go", "testdata", "vendor", "..", "*", "**"})
	file := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(part, 1, 4).Draw(t, "parts"), "/")
	})
	rapid.Check(t, func(t *rapid.T) {
		name := file.Draw(t, "name")
		never := rapid.SliceOfN(file, 0, 3).Draw(t, "never")
		bare, _ := Config{}.Editable(name)
		if strict, _ := (Config{Never: never}).Editable(name); strict && !bare {
			t.Errorf("never %q makes %q editable", never, name)
		}
		allowed, _ := Config{Allow: []string{name}}.Editable(name)
		if bare && !allowed {
			t.Errorf("allow makes %q less editable", name)
		}
		if allowed && strings.Contains(strings.ToLower("/"+name+"/"), "/.git/") && !strings.Contains(name, "..") {
			t.Errorf("%q can be allowed", name)
		}
	})
}

// A glob of many stars is matched in time proportional to the product of its length and the path's.
func TestManyStars(t *testing.T) {
	t.Parallel()
	glob := strings.Repeat("**/a/", 200) + "b"
	if matchPath(glob, strings.Repeat("a/", 1000)+"c") {
		t.Error("the glob matches a path without b")
	}
	if !matchPath(glob, strings.Repeat("a/", 1000)+"b") {
		t.Error("the glob does not match a path that ends in b")
	}
}
