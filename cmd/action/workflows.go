package main

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
)

// maxWorkflow bounds what is read of a workflow, in bytes; GitHub takes no larger ones.
const maxWorkflow = 512 << 10

// answersComments tells whether a workflow of the checkout has regreen answer comments, so
// that a report may name the commands.
func answersComments(root string) bool {
	var names []string
	for _, pattern := range []string{"*.yml", "*.yaml"} {
		found, _ := filepath.Glob(filepath.Join(root, ".github", "workflows", pattern))
		names = append(names, found...)
	}
	for _, name := range names {
		if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() || info.Size() > maxWorkflow {
			continue
		}
		doc, err := os.ReadFile(name)
		if err == nil && answers(doc, isAction(root)) {
			return true
		}
	}
	return false
}

// isAction tells whether a repository is regreen's own, where `uses: ./` is regreen.
func isAction(root string) bool {
	var action struct {
		Name string `yaml:"name"`
	}
	doc, err := os.ReadFile(filepath.Join(root, "action.yml"))
	return err == nil && len(doc) <= maxWorkflow && yaml.Unmarshal(doc, &action) == nil && action.Name == "regreen"
}

// answers tells whether a workflow runs regreen on new comments; own says that ./ is it.
func answers(doc []byte, own bool) bool {
	var w struct {
		On   any `yaml:"on"`
		Jobs map[string]struct {
			Steps []struct {
				Uses string `yaml:"uses"`
			} `yaml:"steps"`
		} `yaml:"jobs"`
	}
	if err := yaml.Unmarshal(doc, &w); err != nil || !hasEvent(w.On, "issue_comment") {
		return false
	}
	for _, job := range w.Jobs {
		for _, step := range job.Steps {
			if isRegreen(step.Uses) || own && step.Uses == "./" {
				return true
			}
		}
	}
	return false
}

// hasEvent looks for an event in the three forms that `on:` has.
func hasEvent(on any, event string) bool {
	switch on := on.(type) {
	case string:
		return on == event
	case []any:
		for _, e := range on {
			if e == event {
				return true
			}
		}
	case map[string]any:
		_, ok := on[event]
		return ok
	}
	return false
}

// isRegreen tells whether a step uses regreen, by its repository's name.
func isRegreen(uses string) bool {
	name, _, _ := strings.Cut(uses, "@")
	return path.Base(name) == "regreen" && strings.Contains(name, "/")
}
