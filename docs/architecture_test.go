package docs

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const architecturePage = "docs/architecture.md"

// TestPackagesListed keeps the list of packages to what their comments say.
func TestPackagesListed(t *testing.T) {
	t.Parallel()
	checkBlock(t, architecturePage, "packages", packagesText(t))
}

// packagesText is the first sentence of each package's comment.
func packagesText(t *testing.T) string {
	t.Helper()
	const module = "github.com/regreen-ci/regreen/"
	cmd := exec.Command("go", "list", "-f", "{{.ImportPath}}\t{{.Doc}}", "../...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| Package | What it is |\n|---|---|\n")
	listed := 0
	for line := range strings.Lines(string(out)) {
		name, doc, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, module)), "\t")
		if doc == "" { // it only has tests
			continue
		}
		listed++
		doc = strings.NewReplacer("[", "", "]", "", "|", `\|`, "<", "&lt;").Replace(doc)
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, doc)
	}
	if listed < 40 {
		t.Errorf("only %d packages:\n%s", listed, out)
	}
	return b.String()
}
