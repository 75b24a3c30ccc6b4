package docs

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

var update = flag.Bool("update", false, "rewrite the parts of the pages that are made from the code")

const actionPage = "docs/action.md"

// TestActionTables holds the tables of inputs and outputs to action.yml.
func TestActionTables(t *testing.T) {
	t.Parallel()
	var action struct {
		Inputs  yaml.MapSlice `yaml:"inputs"`
		Outputs yaml.MapSlice `yaml:"outputs"`
	}
	if err := yaml.UnmarshalWithOptions([]byte(read(t, "action.yml")), &action, yaml.UseOrderedMap()); err != nil {
		t.Fatal(err)
	}
	before := read(t, actionPage)
	page := between(t, actionPage, before, "inputs", table(t, "Input", action.Inputs, true))
	page = between(t, actionPage, page, "outputs", table(t, "Output", action.Outputs, false))
	if page == before {
		return
	}
	if !*update {
		t.Fatalf("the tables of %s are not those of action.yml: go test ./docs -run TestActionTables -update", actionPage)
	}
	if err := os.WriteFile(filepath.Join("..", filepath.FromSlash(actionPage)), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}

// between puts text between the marker of a name and the end of its block.
func between(t *testing.T, file, page, name, text string) string {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- end -->\n"
	head, rest, ok := strings.Cut(page, begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no block of %s", file, name)
	}
	return head + begin + text + end + tail
}

// table tells what action.yml says of inputs or outputs, in its order.
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
			t.Fatalf("action.yml: %v is no description", entry.Key)
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

// TestActionKnown checks that what the page calls an input or an output is one.
func TestActionKnown(t *testing.T) {
	t.Parallel()
	action := read(t, "action.yml")
	for _, m := range regexp.MustCompile("`(?:input )?([a-z-]+): [^`\n]+`").FindAllStringSubmatch(fences.ReplaceAllString(read(t, actionPage), ""), -1) {
		if name := m[1]; name != "permissions" && !permissions[name] && !strings.Contains(action, "\n  "+name+":\n") {
			t.Errorf("%s tells of %s, which action.yml does not have", actionPage, name)
		}
	}
}

// permissions are what a job can be granted, and what else the page writes like inputs.
var permissions = map[string]bool{"contents": true, "pull-requests": true, "actions": true, "checks": true, "if": true}
