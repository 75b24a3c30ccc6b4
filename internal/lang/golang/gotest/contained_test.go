package gotest

import (
	"slices"
	"strings"
	"testing"
)

func TestSelfContained(t *testing.T) {
	t.Parallel()
	test := func(imports, body string) string {
		return "package p\n\nimport (\n\t\"testing\"\n" + imports + ")\n\nfunc TestP(t *testing.T) {\n" + body + "\n}\n"
	}
	files := map[string]string{
		"go.mod":    "module m\n\ngo 1.26\n",
		"help/h.go": "package help\n\nimport \"os\"\n\nfunc Root() string { d, _ := os.Getwd(); return d }\n",
		"pure/h.go": "package pure\n\nfunc One() int { return 1 }\n",
	}
	want := map[string]bool{
		"plain":    true,
		"data":     true,
		"uses":     true,
		"execs":    false,
		"parses":   false,
		"climbs":   false,
		"walks":    false,
		"names":    false,
		"helped":   false,
		"embeds":   false,
		"broken":   false,
		"external": false,
	}
	for name, src := range map[string]string{
		"plain":  test("", "t.Log(1)"),
		"data":   test("\t\"os\"\n", "os.ReadFile(\"testdata/x.txt\")"),
		"uses":   test("\t\"m/pure\"\n", "pure.One()"),
		"execs":  test("\t\"os/exec\"\n", "exec.Command(\"x\").Run()"),
		"parses": test("\t\"go/parser\"\n", "parser.ParseExpr(\"1\")"),
		"climbs": test("\t\"os\"\n", "os.ReadFile(\"../other/x\")"),
		"walks":  test("\t\"path/filepath\"\n", "filepath.Glob(\"*\")"),
		"names":  test("\t\"os\"\n", "os.ReadFile(\"sub/x.go\")"),
		"helped": test("\t\"m/help\"\n", "help.Root()"),
		"embeds": "package p\n\nimport (\n\t_ \"embed\"\n\t\"testing\"\n)\n\n//go:embed sub/x.go\nvar text string\n\nfunc TestP(t *testing.T) { t.Log(text) }\n",
		"broken": "package p\n\nfunc {\n",
	} {
		files[name+"/p_test.go"] = src
	}
	files["embeds/sub/x.go"] = "package sub\n"
	files["external/p_test.go"] = "package p_test\n\nimport (\n\t\"testing\"\n\t\"m/help\"\n)\n\nfunc TestP(t *testing.T) { help.Root() }\n"
	var archive strings.Builder
	for name, text := range files {
		archive.WriteString("-- " + name + " --\n" + text)
	}
	s := find(t, archive.String(), "")
	var names []string
	for name := range want {
		names = append(names, "m/"+name)
	}
	got, err := s.SelfContained(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	for name, contained := range want {
		if slices.Contains(got, "m/"+name) != contained {
			t.Errorf("%s: self-contained %t, want %t", name, !contained, contained)
		}
	}
}
