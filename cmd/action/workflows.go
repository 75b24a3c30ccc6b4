package main

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
)

// maxWorkflow is the largest workflow that is read, in bytes. GitHub accepts no larger ones.
const maxWorkflow = 512 << 10

// answersComments reports whether a workflow in the checkout runs regreen on comments. If so, a
// report can show the commands.
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

// isAction reports whether a repository is regreen's own, where `uses: ./` is regreen.
func isAction(root string) bool {
	var action struct {
		Name string `yaml:"name"`
	}
	doc, err := os.ReadFile(filepath.Join(root, "action.yml"))
	return err == nil && len(doc) <= maxWorkflow && yaml.Unmarshal(doc, &action) == nil && action.Name == "regreen"
}

// answers reports whether a workflow runs regreen on new comments. Own says that ./ is regreen.
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

// hasEvent reports whether `on:`, in any of its three forms, has an event.
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

// isRegreen reports whether a step uses regreen, by its repository's name.
func isRegreen(uses string) bool {
	name, _, _ := strings.Cut(uses, "@")
	return path.Base(name) == "regreen" && strings.Contains(name, "/")
}
