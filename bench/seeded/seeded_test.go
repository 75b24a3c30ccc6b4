package seeded

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSeed(t *testing.T) {
	t.Parallel()
	const src = "one\ntwo two\nthree\nfour"
	cases := []struct {
		name    string
		bug     Bug
		want    string
		problem string
	}{
		{"part of a line", Bug{File: "f.go", Line: 3, Fixed: "hre", Buggy: "h"}, "one\ntwo two\nthe\nfour", ""},
		{"several lines", Bug{File: "f.go", Line: 1, Fixed: "one\ntwo two\n", Buggy: ""}, "three\nfour", ""},
		{"last line without newline", Bug{File: "f.go", Line: 4, Fixed: "four", Buggy: "5"}, "one\ntwo two\nthree\n5", ""},
		{"other line", Bug{File: "f.go", Line: 2, Fixed: "three", Buggy: "x"}, "", `f.go:2: expected "three", got "two two"`},
		{"ambiguous", Bug{File: "f.go", Line: 2, Fixed: "two", Buggy: "x"}, "", `f.go:2: "two" occurs more than once`},
		{"past the end", Bug{File: "f.go", Line: 9, Fixed: "two", Buggy: "x"}, "", "f.go has no line 9"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := c.bug.Seed([]byte(src))
			if c.problem != "" {
				if err == nil || err.Error() != c.problem {
					t.Fatalf("got error %v, want %s", err, c.problem)
				}
				return
			}
			if err != nil || string(got) != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	const good = `{"id":"a","module":"m","version":"v1.0.0","file":"f.go","line":1,"fixed":"x","buggy":"y","template":1}`
	cases := map[string]string{
		"unknown field": `[{"id":"a","modul":"m"}]`,
		"duplicate id":  "[" + good + "," + good + "]",
		"not a Go file": "[" + strings.Replace(good, "f.go", "../f.go", 1) + "]",
		"is a test":     "[" + strings.Replace(good, "f.go", "f_test.go", 1) + "]",
		"must differ":   "[" + strings.Replace(good, `"y"`, `"x"`, 1) + "]",
		"0 to 20":       "[" + strings.Replace(good, `"template":1`, `"template":21`, 1) + "]",
	}
	for problem, list := range cases {
		name := filepath.Join(t.TempDir(), "bugs.json")
		if err := os.WriteFile(name, []byte(list), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(name); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: got error %v, want %q in it", list, err, problem)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	got := strings.Join(Environment([]string{"PATH=/bin", "CI=true", "GITHUB_TOKEN=secret", "GOPROXY=off", "GOFLAGS=-mod=vendor", "GIT_DIR=/x", "REGREEN=0", "https_proxy=p"}), "\n")
	for _, want := range []string{"PATH=/bin", "GOPROXY=off", "https_proxy=p", "GOFLAGS=-mod=mod"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	for _, never := range []string{"CI=true", "secret", "-mod=vendor", "GIT_DIR", "REGREEN"} {
		if strings.Contains(got, never) {
			t.Errorf("%q is still in\n%s", never, got)
		}
	}
}

func TestPick(t *testing.T) {
	t.Parallel()
	bugs := []Bug{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	got, err := Pick(bugs, "c, a")
	if err != nil || len(got) != 2 || got[0].ID != "c" || got[1].ID != "a" {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := Pick(bugs, "a,d"); err == nil || !strings.Contains(err.Error(), `"d"`) {
		t.Errorf("got error %v", err)
	}
}
