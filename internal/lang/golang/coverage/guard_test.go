package coverage

import (
	"bytes"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/localize"
)

func TestStatement(t *testing.T) {
	t.Parallel()
	const text = `package p

var table = map[string]int{
	"a": 1,
	"b": 2,
}

func F(
	n int,
) int {
	if n > 0 &&
		n < 9 {
		n++
	}
	switch n {
	case 1,
		2:
		return g(
			3,
		)
	}
	return 0
}
`
	f := sourceOf(t, map[string]string{"p.go": text}).File("p.go")
	for line, want := range map[int][2]int{
		1: {1, 1}, 5: {5, 5}, 9: {8, 10}, 12: {11, 12}, 13: {13, 13}, 15: {15, 15}, 17: {16, 17}, 19: {18, 20}, 22: {22, 22},
	} {
		if start, end := f.Statement(line); [2]int{start, end} != want {
			t.Errorf("line %d: %d to %d, want %v", line, start, end, want)
		}
	}
}

// Guards keep any Go file valid, with the same number of lines.
func FuzzGuardKeepsLines(f *testing.F) {
	for _, seed := range []string{
		"package p\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {\n\tt.Run(\"x\", func(t *testing.T) { panic(1) })\n}\n",
		"package p\nimport q \"testing\"\nfunc TestA(tt *q.T) { }\nfunc helper(t *q.T, n int) {}\nfunc FuzzB(f *q.F) { f.Fuzz(func(t *q.T, b []byte) {}) }",
		"package p\nimport \"testing\"\nfunc TestA(_ *testing.T) {}\nfunc TestB(*testing.T) {}",
		"package p\nimport . \"testing\"\nfunc TestA(t *T) {}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parser.ParseFile(token.NewFileSet(), "", text, 0); err != nil {
			return
		}
		in := localize.NewSource("", map[string][]byte{"a_test.go": []byte(text)}, Outline).File("a_test.go")
		out := recoverIn(in)
		if _, err := parser.ParseFile(token.NewFileSet(), "", out, 0); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if bytes.Count(out, []byte("\n")) != strings.Count(text, "\n") {
			t.Fatalf("lines moved:\n%s", out)
		}
	})
}

func TestGuardedFunctions(t *testing.T) {
	t.Parallel()
	const text = `package p

import "testing"

func TestA(t *testing.T) {
	t.Run("x", func(st *testing.T) { panic(1) })
	f := func(t *testing.T) {}
	f(t)
}

func helper(t *testing.T, n int) {}

func value(t *testing.T) int { return 1 }
`
	const guarded = ` defer func() { if e := recover(); e != nil { t.Errorf("panic: %v", e) } }();`
	want := strings.Replace(text, "func TestA(t *testing.T) {", "func TestA(t *testing.T) {"+guarded, 1)
	want = strings.Replace(want, "func(st *testing.T) {", "func(st *testing.T) {"+strings.Replace(guarded, "t.Errorf", "st.Errorf", 1), 1)
	in := localize.NewSource("", map[string][]byte{"a_test.go": []byte(text)}, Outline).File("a_test.go")
	if diff := cmp.Diff(want, string(recoverIn(in))); diff != "" {
		t.Error(diff)
	}
}
