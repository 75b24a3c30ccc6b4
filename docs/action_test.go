package docs

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const actionPage = "docs/action.md"

// TestActionTables checks the tables of inputs and outputs against action.yml.
func TestActionTables(t *testing.T) {
	t.Parallel()
	var action struct {
		Inputs  yaml.MapSlice `yaml:"inputs"`
		Outputs yaml.MapSlice `yaml:"outputs"`
	}
	if err := yaml.UnmarshalWithOptions([]byte(read(t, "action.yml")), &action, yaml.UseOrderedMap()); err != nil {
		t.Fatal(err)
	}
	checkBlock(t, actionPage, "inputs", table(t, "Input", action.Inputs, true))
	checkBlock(t, actionPage, "outputs", table(t, "Output", action.Outputs, false))
}

// table returns the inputs or outputs of action.yml, in its order.
func table(t *testing.T, kind string, entries yaml.MapSlice, defaults bool) string {
	t.Helper()
	if len(entries) == 0 {
		t.Fatalf("action.yml has no %ss", strings.ToLower(kind))
	}
	var b strings.Builder
	if defaults {
		fmt.Fprintf(&b, "| %s | Meaning | Without it |\n|---|---|---|\n", kind)
	} else {
		fmt.Fprintf(&b, "| %s | Meaning |\n|---|---|\n", kind)
	}
	for _, entry := range entries {
		var description, otherwise string
		fields, ok := entry.Value.(yaml.MapSlice)
		if !ok {
			t.Fatalf("action.yml: %v is not a map", entry.Key)
		}
		for _, field := range fields {
			switch field.Key {
			case "description":
				description = fmt.Sprint(field.Value)
			case "default":
				otherwise = fmt.Sprintf("`%v`", field.Value)
			}
		}
		fmt.Fprintf(&b, "| `%v` | %s |", entry.Key, description)
		if defaults {
			fmt.Fprintf(&b, " %s |", otherwise)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestActionKnown checks that action.yml has every input and output that the page names.
func TestActionKnown(t *testing.T) {
	t.Parallel()
	action := read(t, "action.yml")
	for _, m := range regexp.MustCompile("`(?:input )?([a-z-]+): [^`\n]+`").FindAllStringSubmatch(fences.ReplaceAllString(read(t, actionPage), ""), -1) {
		if name := m[1]; name != "permissions" && !permissions[name] && !strings.Contains(action, "\n  "+name+":\n") {
			t.Errorf("%s names %s, which action.yml does not have", actionPage, name)
		}
	}
}

// permissions are those of jobs, and other names that the page writes like inputs.
var permissions = map[string]bool{"contents": true, "pull-requests": true, "actions": true, "checks": true, "if": true}
