package workflows

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const top = "../.."

// files returns the files of this repository that match one of the patterns, by name.
func files(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(top, filepath.FromSlash(pattern)))
		if err != nil || len(found) == 0 {
			t.Fatalf("no file matches %s: %v", pattern, err)
		}
		for _, name := range found {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			out[path.Join(path.Dir(pattern), filepath.Base(name))] = string(content)
		}
	}
	return out
}

// TestWorkflows checks all workflows with the rules of this repository.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	for name, text := range files(t, ".github/workflows/*.yml", ".github/workflows/examples/*.yml") {
		for _, fault := range check(name, text) {
			t.Error(fault)
		}
	}
	for _, pattern := range []string{".github/workflows/*.yaml", ".github/workflows/examples/*.yaml"} {
		if found, err := filepath.Glob(filepath.Join(top, pattern)); err != nil || len(found) > 0 {
			t.Errorf("%v: this test reads only .yml files: %v", found, err)
		}
	}
}

// TestSnippets checks that pages show only checked workflows.
func TestSnippets(t *testing.T) {
	t.Parallel()
	examples := files(t, ".github/workflows/examples/*.yml")
	shown := 0
	for name, page := range files(t, "*.md", "docs/*.md") {
		shown += strings.Count(page, "regreen-ci/regreen@")
		for _, fault := range snippets(name, page, examples) {
			t.Error(fault)
		}
	}
	if shown == 0 {
		t.Error("no page shows how to use the action")
	}
}

// valid is a workflow that follows all rules.
const valid = `name: test
on:
  pull_request:
permissions: {}
concurrency:
  group: test-${{ github.ref }}
  cancel-in-progress: true
jobs:
  test:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2
        with:
          persist-credentials: false
      - id: regreen
        uses: regreen-ci/regreen@0000000000000000000000000000000000000000 # v0.0.0
        with:
          budget: 5m
      - run: echo "$VERDICT"
        env:
          VERDICT: ${{ steps.regreen.outputs.verdict }}
`

// TestRulesCanFail checks the rules: each change to a valid workflow breaks one.
func TestRulesCanFail(t *testing.T) {
	t.Parallel()
	tests := []struct {
		old, new string
		want     string // "" for no fault
	}{
		{},
		{"  pull_request:", "  push:", ""},
		{"checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd #", "checkout@v6 #", "actions/checkout@v6 is not pinned by a full commit"},
		{"checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd #", "checkout@de0fac2 #", "is not pinned by a full commit"},
		{"regreen-ci/regreen@0000000000000000000000000000000000000000", "regreen-ci/regreen@main", "regreen-ci/regreen@main is not pinned by a full commit"},
		{"actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2", "docker://alpine:3.20", "docker://alpine:3.20 is not pinned by a full commit"},
		{"83dd # v6.0.2", "83dd", "has no comment with its version"},
		{"# v6.0.2", "# v6", "has the comment v6, which is not a version"},
		{"permissions: {}\n", "", "permissions at the top are not {}"},
		{"permissions: {}\n", "permissions: read-all\n", "permissions at the top are not {}"},
		{"permissions: {}\n", "permissions:\n  contents: read\n", "permissions at the top are not {}"},
		{"    permissions:\n      contents: read\n", "", "job test does not list its permissions"},
		{"    permissions:\n      contents: read\n", "    permissions: write-all\n", "job test does not list its permissions"},
		{"    timeout-minutes: 5\n", "", "job test has no timeout-minutes"},
		{`echo "$VERDICT"`, "echo ${{ steps.regreen.outputs.verdict }}", "job test has ${{ in a run"},
		{`run: echo "$VERDICT"`, "uses: actions/github-script@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v8.0.0\n        with:\n          script: return ${{ github.sha }}", "job test has ${{ in a script"},
		{"        with:\n          persist-credentials: false\n", "", "has a checkout without persist-credentials: false"},
		{"persist-credentials: false", "persist-credentials: true", "has a checkout without persist-credentials: false"},
		{"  pull_request:", "  pull_request_target:", "runs on pull_request_target"},
		{"on:\n  pull_request:\n", "on: [pull_request_target]\n", "runs on pull_request_target"},
		{"on:\n  pull_request:\n", "on: pull_request_target\n", "runs on pull_request_target"},
		{
			"  pull_request:\npermissions: {}\nconcurrency:\n  group: test-${{ github.ref }}\n  cancel-in-progress: true\n",
			"  workflow_run:\n    workflows: [other]\n    types: [completed]\npermissions: {}\n", "",
		},
		{"  pull_request:\n", "  issue_comment:\n  pull_request:\n", ""},
		{"  cancel-in-progress: true\n", "", "has no concurrency with cancel-in-progress"},
		{"  cancel-in-progress: true\n", "  cancel-in-progress: false\n", "has no concurrency with cancel-in-progress"},
		{"concurrency:\n  group: test-${{ github.ref }}\n  cancel-in-progress: true\n", "", "has no concurrency with cancel-in-progress"},
		{"jobs:", "job:", "has no jobs"},
		{"jobs:\n", "jobs:\n\t- {\n", ".github/workflows/test.yml: "},
	}
	for _, tt := range tests {
		text := strings.Replace(valid, tt.old, tt.new, 1)
		if text == valid && tt.old != tt.new {
			t.Fatalf("%q is not in the workflow", tt.old)
		}
		faults := check(".github/workflows/test.yml", text)
		switch {
		case tt.want == "" && len(faults) > 0:
			t.Errorf("%q: %v", tt.new, faults)
		case tt.want != "" && !slices.ContainsFunc(faults, func(fault string) bool { return strings.Contains(fault, tt.want) }):
			t.Errorf("%q: got %v, want %q", tt.new, faults, tt.want)
		}
	}

	ref := strings.Replace(valid, "  pull_request:\n", "  issue_comment:\n", 1)
	ref = strings.Replace(ref, "persist-credentials: false", "persist-credentials: false\n          ref: other", 1)
	if faults := check("test.yml", ref); len(faults) != 1 || !strings.Contains(faults[0], "does not check out the default branch") {
		t.Errorf("a checkout of a pull request for a comment: %v", faults)
	}
}

// TestSnippetsCanFail checks the check.
func TestSnippetsCanFail(t *testing.T) {
	t.Parallel()
	workflows := map[string]string{"valid": valid}
	page := func(block string) string { return "# Page\n\n```yaml\n" + block + "```\n\nText.\n" }
	tests := []struct {
		name, page string
		want       int
	}{
		{"a whole workflow", page(valid), 0},
		{"a part", page("      - id: regreen\n        uses: regreen-ci/regreen@0000000000000000000000000000000000000000 # v0.0.0\n        with:\n          budget: 5m\n"), 0},
		{"a part without its indentation", page("- id: regreen\n  uses: regreen-ci/regreen@0000000000000000000000000000000000000000 # v0.0.0\n  with:\n    budget: 5m\n"), 0},
		{"not a workflow", page("test: go test ./...\n"), 0},
		{"another value", page("- id: regreen\n  uses: regreen-ci/regreen@0000000000000000000000000000000000000000 # v0.0.0\n  with:\n    budget: 6m\n"), 1},
		{"another indentation of a line", page("- id: regreen\n  uses: regreen-ci/regreen@0000000000000000000000000000000000000000 # v0.0.0\n  with:\n  budget: 5m\n"), 1},
		{"left out lines", page("steps:\n  - id: regreen\n    with:\n      budget: 5m\n"), 1},
		{"a part of a line", page("uses: regreen-ci/regreen@0000000000000000000000000000000000000000\n"), 1},
		{"one of two", page(valid) + page("- uses: ./\n"), 1},
	}
	for _, tt := range tests {
		if got := snippets("page.md", tt.page, workflows); len(got) != tt.want {
			t.Errorf("%s: got %v, want %d", tt.name, got, tt.want)
		}
	}
}

// TestOnePin checks that all pages and workflows use the same commit of the action: that of a
// release, or zeros before the first release.
func TestOnePin(t *testing.T) {
	t.Parallel()
	pin := regexp.MustCompile(`regreen-ci/regreen@(\S+)( # \S+)?`)
	seen := map[string]string{}
	for name, text := range files(t, "*.md", "docs/*.md", ".github/workflows/*.yml", ".github/workflows/examples/*.yml") {
		for _, m := range pin.FindAllStringSubmatch(text, -1) {
			seen[m[1]+m[2]] = name
		}
	}
	if len(seen) != 1 {
		t.Errorf("several commits: %v", seen)
	}
	for use, name := range seen {
		if zeros := strings.HasPrefix(use, strings.Repeat("0", 40)); zeros != strings.HasSuffix(use, " # v0.0.0") {
			t.Errorf("%s: %s: zeros go with v0.0.0, which means no release", name, use)
		}
	}
}

// TestAction checks what GitHub's schema of action.yml does not.
func TestAction(t *testing.T) {
	t.Parallel()
	type described struct {
		Description string `yaml:"description"`
		Required    bool   `yaml:"required"`
	}
	var action struct {
		Inputs  map[string]described `yaml:"inputs"`
		Outputs map[string]described `yaml:"outputs"`
		Runs    struct {
			Using, Pre, Main, Post string
		} `yaml:"runs"`
	}
	if err := yaml.Unmarshal([]byte(files(t, "action.yml")["action.yml"]), &action); err != nil {
		t.Fatal(err)
	}
	for name, input := range action.Inputs {
		if input.Required {
			t.Errorf("the input %s is required, but the action must work without inputs", name)
		}
	}
	for _, all := range []map[string]described{action.Inputs, action.Outputs} {
		for name, d := range all {
			if !strings.HasSuffix(d.Description, ".") || strings.ContainsAny(d.Description, "|\n") {
				t.Errorf("%s: the description %q is not a sentence for a table", name, d.Description)
			}
		}
	}
	if action.Runs.Using != "node24" {
		t.Errorf("the action runs in %s, want node24", action.Runs.Using)
	}
	for _, script := range []string{action.Runs.Pre, action.Runs.Main, action.Runs.Post} {
		if info, err := os.Stat(filepath.Join(top, script)); err != nil || !info.Mode().IsRegular() {
			t.Errorf("the script %q: %v", script, err)
		}
	}
}

// TestReleaseTable checks the table of binaries that the wrapper downloads.
func TestReleaseTable(t *testing.T) {
	t.Parallel()
	var table struct {
		Version, URL string
		Files        map[string]struct {
			Name, SHA256 string
			Size         int
		}
	}
	if err := json.Unmarshal([]byte(files(t, "action/release.json")["action/release.json"]), &table); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(table.URL, "https://github.com/regreen-ci/regreen/") {
		t.Errorf("binaries come from %s", table.URL)
	}
	if want := 6; (table.Version != "") != (len(table.Files) == want) {
		t.Errorf("%q has %d binaries, want %d, or none without a version", table.Version, len(table.Files), want)
	}
	hash := regexp.MustCompile(`^[0-9a-f]{64}$`)
	for platform, file := range table.Files {
		if !hash.MatchString(file.SHA256) || file.Size == 0 || file.Name == "" {
			t.Errorf("%s: %+v", platform, file)
		}
	}
}
