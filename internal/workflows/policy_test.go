// Package workflows checks that the workflows of this repository, the examples for users and
// action.yml are safe: actions are pinned, each job has only the permissions it needs, and
// nobody else's code can use the repository's token or run without a time limit.
package workflows

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// workflow is the part of a workflow that the rules read.
type workflow struct {
	text string

	On          any            `yaml:"on"`
	Permissions any            `yaml:"permissions"`
	Concurrency any            `yaml:"concurrency"`
	Jobs        map[string]job `yaml:"jobs"`
}

type job struct {
	Permissions any    `yaml:"permissions"`
	Timeout     any    `yaml:"timeout-minutes"`
	Uses        string `yaml:"uses"`
	Steps       []step `yaml:"steps"`
}

type step struct {
	Uses string         `yaml:"uses"`
	Run  string         `yaml:"run"`
	With map[string]any `yaml:"with"`
}

// rule is a rule for every workflow.
type rule struct {
	name   string
	faults func(w *workflow) []string
}

// rules are the rules of this repository; actionlint checks those of GitHub.
var rules = []rule{
	{"actions are pinned by commit, with the version in a comment", func(w *workflow) []string {
		var out []string
		for _, uses := range w.uses() {
			switch {
			case uses == "./":
			case !pinned.MatchString(uses):
				out = append(out, uses+" is not pinned by a full commit")
			case !strings.Contains(w.text, uses+" # v"):
				out = append(out, uses+" has no comment with its version")
			}
		}
		for _, m := range versioned.FindAllStringSubmatch(w.text, -1) {
			if !version.MatchString(m[2]) {
				out = append(out, m[1]+" has the comment "+m[2]+", which is not a version")
			}
		}
		return out
	}},
	{"a workflow grants no permissions to all jobs", func(w *workflow) []string {
		if granted, ok := w.Permissions.(map[string]any); !ok || len(granted) > 0 {
			return []string{"permissions at the top are not {}"}
		}
		return nil
	}},
	{"a job lists its permissions", func(w *workflow) []string {
		return w.each(func(j job) []string {
			if _, ok := j.Permissions.(map[string]any); !ok {
				return []string{"does not list its permissions"}
			}
			return nil
		})
	}},
	{"a job has a time limit", func(w *workflow) []string {
		return w.each(func(j job) []string {
			if _, ok := j.Timeout.(uint64); !ok {
				return []string{"has no timeout-minutes"}
			}
			return nil
		})
	}},
	{"no script contains an expression", func(w *workflow) []string {
		return w.each(func(j job) []string {
			var out []string
			for _, s := range j.Steps {
				if strings.Contains(s.Run, "${{") {
					out = append(out, "has ${{ in a run: use env")
				}
				if script, ok := s.With["script"].(string); ok && strings.Contains(script, "${{") {
					out = append(out, "has ${{ in a script: use env")
				}
			}
			return out
		})
	}},
	{"a checkout does not keep the token", func(w *workflow) []string {
		return w.each(func(j job) []string {
			var out []string
			for _, s := range j.Steps {
				if s.isCheckout() && s.With["persist-credentials"] != false {
					out = append(out, "has a checkout without persist-credentials: false")
				}
			}
			return out
		})
	}},
	{"foreign code does not run with this repository's token", func(w *workflow) []string {
		if w.has("pull_request_target") {
			return []string{"runs on pull_request_target"}
		}
		if !w.has("workflow_run") && !w.has("issue_comment") {
			return nil
		}
		return w.each(func(j job) []string {
			var out []string
			for _, s := range j.Steps {
				if s.isCheckout() && (s.With["ref"] != nil || s.With["repository"] != nil) {
					out = append(out, "does not check out the default branch")
				}
			}
			return out
		})
	}},
	{"a newer commit of a pull request cancels the run of an older one", func(w *workflow) []string {
		how, _ := w.Concurrency.(map[string]any)
		cancel := how["cancel-in-progress"]
		if w.has("pull_request") && (how["group"] == nil || cancel == nil || cancel == false) {
			return []string{"has no concurrency with cancel-in-progress"}
		}
		return nil
	}},
}

var (
	pinned    = regexp.MustCompile(`^[\w.-]+(/[\w.-]+)+@[0-9a-f]{40}$`)
	versioned = regexp.MustCompile(`(?m)uses: *(\S+@\S+) # (.*)$`)
	version   = regexp.MustCompile(`^v\d+\.\d+\.\d+$`)
)

// uses returns the actions and workflows that a workflow runs.
func (w *workflow) uses() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(w.Jobs)) {
		if j := w.Jobs[name]; j.Uses != "" {
			out = append(out, j.Uses)
		}
		for _, s := range w.Jobs[name].Steps {
			if s.Uses != "" {
				out = append(out, s.Uses)
			}
		}
	}
	return out
}

// each returns the faults of all jobs.
func (w *workflow) each(faults func(job) []string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(w.Jobs)) {
		for _, fault := range faults(w.Jobs[name]) {
			out = append(out, "job "+name+" "+fault)
		}
	}
	return out
}

// has reports whether an event starts the workflow, in any form of "on".
func (w *workflow) has(event string) bool {
	switch on := w.On.(type) {
	case string:
		return on == event
	case []any:
		return slices.Contains(on, any(event))
	case map[string]any:
		_, ok := on[event]
		return ok
	}
	return false
}

func (s step) isCheckout() bool { return strings.HasPrefix(s.Uses, "actions/checkout@") }

// check returns which rules a workflow breaks.
func check(name, text string) []string {
	w := &workflow{text: text}
	if err := yaml.Unmarshal([]byte(text), w); err != nil {
		return []string{fmt.Sprintf("%s: %v", name, err)}
	}
	if len(w.Jobs) == 0 {
		return []string{name + ": has no jobs"}
	}
	var out []string
	for _, rule := range rules {
		for _, fault := range rule.faults(w) {
			out = append(out, fmt.Sprintf("%s: %s (%s)", name, fault, rule.name))
		}
	}
	return out
}

var fences = regexp.MustCompile("(?ms)^```(\\S*)[^\n]*\n(.*?)^```$")

// snippets returns the faults of a page. A workflow on it must consist of whole lines of a
// checked one, except for the indentation.
func snippets(name, page string, workflows map[string]string) []string {
	var out []string
	for _, block := range fences.FindAllStringSubmatch(page, -1) {
		if block[1] != "yaml" && block[1] != "yml" || !isWorkflow.MatchString(block[2]) {
			continue
		}
		if !slices.ContainsFunc(slices.Collect(maps.Values(workflows)), func(text string) bool { return isPart(block[2], text) }) {
			out = append(out, fmt.Sprintf("%s: not part of an example:\n%s", name, block[2]))
		}
	}
	return out
}

var isWorkflow = regexp.MustCompile(`(?m)^\s*(-\s*)?(uses|steps|runs-on|permissions):`)

// isPart reports whether a snippet is consecutive lines of a text, which may all be indented.
func isPart(snippet, text string) bool {
	lines, of := strings.Split(strings.TrimSuffix(snippet, "\n"), "\n"), strings.Split(text, "\n")
	for start := range of {
		if start+len(lines) > len(of) {
			return false
		}
		indent, ok := strings.CutSuffix(of[start], lines[0])
		same := func(i int) bool {
			return lines[i] == of[start+i] || lines[i] != "" && indent+lines[i] == of[start+i]
		}
		all := ok && strings.Trim(indent, " ") == ""
		for i := range lines {
			all = all && same(i)
		}
		if all {
			return true
		}
	}
	return false
}
