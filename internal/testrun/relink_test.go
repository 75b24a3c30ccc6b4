package testrun

import (
	"testing"
)

func relinker(t *testing.T, s *Suite, pkg string, opt BuildOptions) *Relinker {
	t.Helper()
	r, err := s.Relinker(t.Context(), pkg, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func TestRelinkTry(t *testing.T) {
	t.Parallel()
	s := find(t, small, "")
	r := relinker(t, s, "example.com/m/calc", BuildOptions{})
	b, err := r.Build(t.Context(), map[string][]byte{"calc/calc.go": []byte(fixed)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Remove()
	res, err := b.Test(t.Context(), Request{Tests: []TestID{{"example.com/m/calc", "TestAdd"}}})
	t.Logf("%+v %v", res, err)
	res, err = b.Test(t.Context(), Request{})
	t.Logf("%+v %v", res, err)
	_, err = r.Build(t.Context(), map[string][]byte{"calc/calc.go": []byte("package calc\n\nfunc Add(a, b int) int { return a + c }\n")})
	t.Logf("%v", err)
}
