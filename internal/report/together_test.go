package report

import (
	"strings"
	"testing"
)

// Every format that shows messages says that a test only fails together with others.
func TestFormatsSayWhatAFailureNeeds(t *testing.T) {
	t.Parallel()
	r := redReport()
	r.Failures[0].PassesAlone, r.Failures[0].After = true, []string{"TestA", "TestB", "TestC", "TestD"}
	const want = "passes when run alone; fails after TestA, TestB, TestC and 1 more"
	for _, f := range Formats() {
		switch f.Name {
		case "csv": // the ledger of attempts
			continue
		case "json": // fields of their own
			if text := string(written(t, f.Name, r)); !strings.Contains(text, `"passes_alone": true`) || !strings.Contains(text, `"TestD"`) {
				t.Errorf("json: got %s", text)
			}
			continue
		}
		if text := strings.Join(strings.Fields(string(written(t, f.Name, r))), " "); !strings.Contains(text, want) {
			t.Errorf("%s: got %s", f.Name, text)
		}
	}
	text, err := EmailText(r, EmailOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{text, EmailHTML(r, EmailOptions{})} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("email: got %s", text)
		}
	}
}
