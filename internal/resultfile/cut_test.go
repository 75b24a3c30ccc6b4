package resultfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/report"
)

// TestCutOutput checks that text which is cut at a limit, wherever that falls, is cut between
// characters: no format has the sign for a broken one.
func TestCutOutput(t *testing.T) {
	t.Parallel()
	quoted := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for shift := range 4 {
		long := strings.Repeat("a", shift) + strings.Repeat("日本語 ", 50_000)
		name := "T" + strings.Repeat("a", shift) + strings.Repeat("語", 2000)
		lined := strings.ReplaceAll(long, "語 ", "語\n")
		for format, content := range map[string]string{
			"junit": suite(fmt.Sprintf(`<testcase classname="p" name=%q><failure message=%q>%s</failure></testcase>`, name, long, lined)),
			"tap":   fmt.Sprintf("1..1\nnot ok 1 - %s\n  ---\n  message: %s\n  ...\n# %s\n", name, quoted(long), strings.ReplaceAll(lined, "\n", "\n# ")),
			"ctrf":  fmt.Sprintf(`{"results":{"tests":[{"name":%q,"status":"failed","message":%s,"trace":%s}]}}`, name, quoted(long), quoted(lined)),
			"go": lines(
				fmt.Sprintf(`{"Action":"run","Package":"p","Test":%q}`, name),
				fmt.Sprintf(`{"Action":"output","Package":"p","Test":%q,"Output":%s}`, name, quoted("    p_test.go:3: "+long+"\n"+lined)),
				fmt.Sprintf(`{"Action":"fail","Package":"p","Test":%q}`, name),
				`{"Action":"output","Package":"p","Output":"FAIL\n"}`, `{"Action":"fail","Package":"p"}`,
			),
		} {
			r := readText(t, content)
			if len(r.Failures) != 1 || r.Failures[0].Truncated == 0 {
				t.Fatalf("%s: nothing is cut: %d failures", format, len(r.Failures))
			}
			for _, to := range report.Formats() {
				var b bytes.Buffer
				if err := to.Write(&b, r, report.Options{}); err != nil {
					t.Fatal(err)
				}
				if text := b.String(); strings.Contains(text, "\ufffd") || strings.Contains(text, `\ufffd`) || strings.Contains(text, "%EF%BF%BD") {
					t.Errorf("%s to %s: a character is cut", format, to.Name)
				}
			}
		}
	}
}
