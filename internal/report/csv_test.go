package report

import (
	"encoding/csv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCSV(t *testing.T) {
	t.Parallel()
	r := &Report{Attempts: []Attempt{
		{"a1", "", "template/guard", "stats/mean.go", 17, StageTypeCheck, AttemptIllTyped, 0.004, `undefined: "n", twice` + "\nand more", nil},
		{"a2", "9f1c", "imports", "-x.go", 0, StageScreen, AttemptRejected, 1e-7, `=HYPERLINK("http://evil.example")`, nil},
	}}
	var b strings.Builder
	if err := CSV(&b, r); err != nil {
		t.Fatal(err)
	}
	want := `id,strategy,file,line,stage,verdict,seconds,reason
a1,template/guard,stats/mean.go,17,type-check,ill_typed,0.004,"undefined: ""n"", twice and more"
a2,imports,'-x.go,0,screen,rejected,0.0000001,"'=HYPERLINK(""http://evil.example"")"
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

// TestCSVProperty checks that any report has a row for each attempt and no formulas.
func TestCSVProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := reports().Draw(t, "report")
		var b strings.Builder
		if err := CSV(&b, r); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
		if err != nil || len(rows) != 1+len(r.Attempts) {
			t.Fatalf("%d rows of %d attempts, %v", len(rows), len(r.Attempts), err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
					t.Fatalf("a spreadsheet would run the cell %q", cell)
				}
			}
		}
	})
}
