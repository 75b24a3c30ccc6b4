package harmless

import (
	"fmt"
	"strings"
	"testing"
)

func TestSameCode(t *testing.T) {
	t.Parallel()
	const base = "package p\n\nfunc f(a, b int) int {\n\treturn a + b\n}\n"
	cases := []struct {
		name, other string
		want        bool
	}{
		{"itself", base, true},
		{"layout and comments", "package p\n\n\n// f adds.\nfunc f(a,b int) int { return a+b /* sum */ }\n", true},
		{"operator", strings.Replace(base, "+", "-", 1), false},
		{"name", strings.Replace(base, "return a", "return b", 1), false},
		{"missing end", strings.TrimSuffix(base, "}\n"), false},
		{"not Go", strings.Replace(base, "+", "\x00", 1), false},
		{"literal", strings.Replace(base, "+ b", "+ 1", 1), false},
	}
	for _, c := range cases {
		if got := SameCode([]byte(base), []byte(c.other)); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestRenameKeepsShadows(t *testing.T) {
	t.Parallel()
	f, err := parseFile("f.go", []byte(`package p

func f(a int) (int, point) {
	x := a
	if x := 2; a > 0 {
		return x, point{}
	}
	return x, point{y: 1}
}
`))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for seed := range 20 {
		after, _, ok := renameLocal(f, newRand(fmt.Sprint(seed)), nil)
		if !ok {
			t.Fatal("found no variable to rename")
		}
		seen[string(after)] = true
	}
	outer := strings.NewReplacer("x := a", "xValue := a", "return x, point{y", "return xValue, point{y").Replace(string(f.src))
	inner := strings.NewReplacer("if x :=", "if xValue :=", "return x, point{}", "return xValue, point{}").Replace(string(f.src))
	if len(seen) != 2 || !seen[outer] || !seen[inner] {
		t.Errorf("renamed to %v", seen)
	}
}
