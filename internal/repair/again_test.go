package repair

import (
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/report"
)

// A test that needs another one to run before fails alone in any tree. It is known only if it fails
// at the base together with the others, too.
func TestKnownOnlyTogether(t *testing.T) {
	t.Parallel()
	const ordered = `package m

import "testing"

var ready bool

func TestPrepare(t *testing.T) { ready = true }

func TestMax(t *testing.T) {
	if !ready || Max(1, 2) != 2 {
		t.Error("wrong")
	}
}
`
	for _, tc := range []struct {
		name, base, head string
		want             report.FailureStatus
	}{
		{"green at the base", right, wrong, report.FailureNew},
		{"red at the base", wrong, wrong + "\n// Changed.\n", report.FailureKnown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := newFixture(t, map[string]string{"go.mod": goMod, "m.go": tc.base, "m_test.go": ordered})
			p.write(map[string]string{"m.go": tc.head})
			opt := p.options()
			opt.Limits.TestOnly = true
			rep, err := Run(t.Context(), opt)
			if err != nil {
				t.Fatal(err)
			}
			if len(rep.Failures) != 1 || rep.Failures[0].Test != "TestMax" || rep.Failures[0].Status != tc.want || rep.Failures[0].PassesAlone {
				t.Errorf("got %+v, want TestMax %s", rep.Failures, tc.want)
			}
		})
	}
}

// Whether a failure is flaky is decided by a run like the one that failed.
func TestFlakyInItsRun(t *testing.T) {
	t.Parallel()
	const head = "package m\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\n"
	// A run of all tests has a number, from 1.
	const counted = `package m

import (
	"flag"
	"os"
	"testing"
)

var number int

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.run").Value.String() == "" {
		before, _ := os.ReadFile("runs")
		number = len(before) + 1
		os.WriteFile("runs", append(before, '.'), 0o600)
	}
	os.Exit(m.Run())
}

func fail(t *testing.T, in int) {
	if number == in {
		t.Errorf("run %d", in)
	}
}

`
	for name, tc := range map[string]struct {
		tests   string
		command string
		want    map[string]report.FailureStatus // of tests; "" is the package
	}{
		"another test fails each time": { // as when a goroutine panics in whichever test runs then
			counted + "func TestA(t *testing.T) { fail(t, 1) }\n\nfunc TestB(t *testing.T) { fail(t, 2) }\n\nfunc TestC(t *testing.T) { fail(t, 3) }\n",
			"",
			map[string]report.FailureStatus{"TestA": report.FailureNew},
		},
		"another test fails once": {
			counted + "func TestA(t *testing.T) { fail(t, 1) }\n\nfunc TestB(t *testing.T) { fail(t, 2) }\n",
			"",
			map[string]report.FailureStatus{"TestA": report.FailureFlaky},
		},
		"the package fails once": {
			head + "func TestMain(m *testing.M) {\n\tm.Run()\n\tif _, err := os.Stat(\"ran\"); err != nil {\n\t\tos.WriteFile(\"ran\", nil, 0o600)\n\t\tos.Exit(3)\n\t}\n}\n\nfunc TestA(*testing.T) {}\n",
			"",
			map[string]report.FailureStatus{"": report.FailureFlaky},
		},
		"the package fails each time": {
			head + "func TestMain(m *testing.M) {\n\tm.Run()\n\tos.Exit(3)\n}\n\nfunc TestA(*testing.T) {}\n",
			"",
			map[string]report.FailureStatus{"": report.FailureNew},
		},
		"a test ends the program": {
			head + "var runs int\n\nfunc TestA(*testing.T) { runs++ }\n\nfunc TestB(t *testing.T) {\n\tif runs > 0 {\n\t\tos.Exit(3)\n\t}\n}\n",
			"",
			map[string]report.FailureStatus{"TestB": report.FailureNew},
		},
		"only with -count": {
			strings.Replace(head, "\t\"os\"\n", "", 1) + "var runs int\n\nfunc TestA(t *testing.T) {\n\tif runs++; runs > 1 {\n\t\tt.Error(\"a\")\n\t}\n}\n",
			"go test -count=2 ./...",
			map[string]report.FailureStatus{"TestA": report.FailureNew},
		},
		"only with -cpu": {
			strings.Replace(head, "os", "runtime", 1) + "func TestA(t *testing.T) {\n\tif runtime.GOMAXPROCS(0) == 3 {\n\t\tt.Error(\"a\")\n\t}\n}\n",
			"go test -cpu=3,1 ./...",
			map[string]report.FailureStatus{"TestA": report.FailureNew},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newFixture(t, map[string]string{"go.mod": goMod, "m_test.go": tc.tests})
			opt := p.options()
			opt.Limits.TestOnly, opt.Subject.Command = true, tc.command
			opt.Subject.Environment.Bases = []detect.Base{}
			rep, err := Run(t.Context(), opt)
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[string]report.FailureStatus)
			for _, f := range rep.Failures {
				got[f.Test] = f.Status
			}
			if len(got) != len(tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			for test, status := range tc.want {
				if got[test] != status {
					t.Errorf("%q: got %s, want %s; %+v", test, got[test], status, rep.Problem)
				}
			}
		})
	}
}
