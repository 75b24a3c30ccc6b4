package propose

import "testing"

func TestExample(t *testing.T) {
	t.Parallel()
	s := Strategy{Before: "var n = 0\n\nfunc f() int {\n\treturn 1\n}", After: "var n = 0\n\nfunc f() int {\n\treturn 2\n}"}
	const want = " var n = 0\n\n func f() int {\n-\treturn 1\n+\treturn 2\n }\n"
	if got := s.Example(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
