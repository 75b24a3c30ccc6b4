package docs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/lang/all"
	"github.com/regreen-ci/regreen/internal/propose"
)

const strategiesPage = "docs/strategies.md"

// TestStrategiesPage checks the page against the table of strategies.
func TestStrategiesPage(t *testing.T) {
	t.Parallel()
	checkBlock(t, strategiesPage, "strategies", strategiesText())
}

// strategiesText returns the table, and a section for each strategy.
func strategiesText() string {
	var table, sections strings.Builder
	table.WriteString("| Strategy | Share | What it proposes |\n|---|---:|---|\n")
	for _, s := range all.Strategies() {
		anchor := strings.ReplaceAll(s.Name, "/", "") // as GitHub makes it of the heading
		var kinds []string
		for _, k := range s.FailureKinds() {
			kinds = append(kinds, string(k))
		}
		fmt.Fprintf(&table, "| [`%s`](#%s) | %s | %s |\n", s.Name, anchor, s.ShareText(), s.Title)
		fmt.Fprintf(&sections, "\n## %s\n\n%s.\n\nShare: %s. Failures: %s.\n\n%s\n\n```diff\n%s```\n",
			s.Name, s.Title, s.ShareText(), strings.Join(kinds, ", "), s.Text, s.Example())
	}
	return fmt.Sprintf("A share is a percentage of %s.\nOne with ~ is of %s.\n\n%s%s",
		propose.ShareBasis, propose.EstimateBasis, table.String(), sections.String())
}
