package schemata

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/validate"
)

// sum is the faulty function that each module below has in its package p, and test is the
// test that fails because of it.
const (
	sum  = "\n// Sum adds.\nfunc Sum(a, b int) int { return a - b }\n"
	test = "\nfunc TestSum(t *testing.T) {\n\tif got := Sum(2, 3); got != 5 {\n\t\tt.Errorf(\"Sum(2, 3) = %d\", got)\n\t}\n}\n"
	// inTest begins a test file of package p.
	inTest = "-- p/p_test.go --\npackage p\n\nimport \"testing\"\n"
)

// TestDegrades checks the verdicts for packages of all kinds, some of which rule out the
// faster modes.
func TestDegrades(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, archive, needs string }{
		{"plain", "-- p/p.go --\npackage p\n" + sum + inTest + test, ""},
		{"cgo", "-- p/p.go --\npackage p\n\n// int one(void) { return 1; }\nimport \"C\"\n\nfunc One() int { return int(C.one()) }\n" + sum + inTest + test, "gcc"},
		{"assembly", "-- p/p.go --\npackage p\n\nfunc nothing()\n" + sum + "-- p/p.s --\n#include \"textflag.h\"\nTEXT ·nothing(SB), NOSPLIT, $0-0\n\tRET\n" + inTest + test, ""},
		{"generic", "-- p/p.go --\npackage p\n\n// Sum adds.\nfunc Sum[T int | float64](a, b T) T { return a - b }\n" + inTest + test, ""},
		{"embed", "-- p/p.go --\npackage p\n\nimport _ \"embed\"\n\n//go:embed data.txt\nvar data string\n\nfunc Data() string { return data }\n" + sum + "-- p/data.txt --\nx\n" + inTest + test, ""},
		{"external test", "-- p/p.go --\npackage p\n" + sum + "-- p/p_test.go --\npackage p_test\n\nimport (\n\t\"testing\"\n\n\t. \"example.com/m/p\"\n)\n" + test, ""},
		{"build tags", "-- p/p.go --\npackage p\n" + sum + "-- p/other.go --\n//go:build ignore || never\n\npackage q\n\nfunc Sum(a, b int) int { return 0 }\n" + inTest + test, ""},
		{"TestMain", "-- p/p.go --\npackage p\n" + sum + "-- p/p_test.go --\npackage p\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestMain(m *testing.M) {\n\tstatus := m.Run()\n\tos.Exit(status)\n}\n" + test, ""},
		{"parallel subtests", "-- p/p.go --\npackage p\n" + sum + inTest + strings.Replace(test, "\tif got", "\tt.Parallel()\n\tfor range 3 {\n\t\tt.Run(\"sub\", func(t *testing.T) { t.Parallel(); if Sum(1, 1) != 2 { t.Fatal() } })\n\t}\n\tif got", 1), ""},
		{"directory and environment", "-- p/p.go --\npackage p\n" + sum + "-- p/p_test.go --\npackage p\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n" + strings.Replace(test, "\tif got", "\tif _, err := os.Stat(\"p.go\"); err != nil || os.Getenv(\"REGREEN_SEEN\") != \"\" {\n\t\tt.Fatal(err)\n\t}\n\tt.Setenv(\"REGREEN_SEEN\", \"1\")\n\tt.Chdir(t.TempDir())\n\tif got", 1), ""},
		{"workspace", "-- go.work --\ngo 1.26\n\nuse (\n\t.\n\t./lib\n)\n-- lib/go.mod --\nmodule example.com/lib\n\ngo 1.26\n-- lib/lib.go --\npackage lib\n\nfunc Minus(a, b int) int { return a - b }\n-- p/p.go --\npackage p\n\nimport \"example.com/lib\"\n\nvar _ = lib.Minus\n" + sum + inTest + test + "-- go.mod --\nmodule example.com/m\n\ngo 1.26\n\nrequire example.com/lib v0.0.0\n", ""},
		{"vendored", "-- vendor/modules.txt --\n# example.com/lib v0.0.0\n## explicit\nexample.com/lib\n-- vendor/example.com/lib/lib.go --\npackage lib\n\nfunc Minus(a, b int) int { return a - b }\n-- p/p.go --\npackage p\n\nimport \"example.com/lib\"\n\nvar _ = lib.Minus\n" + sum + inTest + test + "-- go.mod --\nmodule example.com/m\n\ngo 1.26\n\nrequire example.com/lib v0.0.0\n", ""},
		{"fault in a dependency", "-- lib/lib.go --\npackage lib\n" + sum + "-- p/p.go --\npackage p\n\nimport \"example.com/m/lib\"\n\nfunc Sum(a, b int) int { return lib.Sum(a, b) }\n" + inTest + test, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.needs != "" {
				if _, err := exec.LookPath(tt.needs); err != nil {
					t.Skipf("%v; scripts/setup.sh installs it", err)
				}
			}
			f := newFixture(t, tt.archive)
			file := "p/p.go"
			if strings.Contains(tt.archive, "-- lib/lib.go --\npackage lib\n\n// Sum") {
				file = "lib/lib.go"
			}
			results, _ := f.v.Screen(t.Context(), target("example.com/m/p", "TestSum"), []propose.Candidate{
				f.swap(file, "return a - b }", "return a + b }"),
				f.swap(file, "return a - b }", "return b - a }"),
				f.swap(file, "return a - b }", "return a + c }"),
			})
			for i, want := range []validate.Verdict{validate.Plausible, validate.Rejected, validate.IllTyped} {
				if got := results[i]; got.Verdict != want && (want != validate.IllTyped || got.Verdict != validate.Rejected) {
					t.Errorf("%s: got %s (%s), want %s", got.Candidate.Title, got.Verdict, got.Reason, want)
				}
			}
			if err := f.v.Confirm(t.Context(), target("example.com/m/p", "TestSum"), &results[0]); err != nil || results[0].Verdict != validate.Verified {
				t.Errorf("%s: got %s (%s), %v", results[0].Candidate.Title, results[0].Verdict, results[0].Reason, err)
			}
		})
	}
}
