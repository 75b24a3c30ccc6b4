package witness

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFailures(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	s := OpenFailures(state)
	key := Key{Tree: "t1", Command: "go test ./..."}
	failures := []Failure{
		{Suite: "go: go test ./...", Test: Test{"example.com/m", "TestX"}, Kind: "assertion", Message: "got 1"},
		{Suite: "go: go test ./...", Test: Test{"example.com/m", "TestY"}, Kind: "panic", Needs: []Test{{"example.com/m", "TestX"}}},
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := s.Record(key, failures); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if d := cmp.Diff(failures, OpenFailures(state).Of(key)); d != "" {
		t.Error(d)
	}
	for _, other := range []Key{{Tree: "t2", Command: key.Command}, {Tree: "t1"}, {}} {
		if got := s.Of(other); got != nil {
			t.Errorf("%+v: %v", other, got)
		}
	}

	if err := s.Record(key, nil); err != nil {
		t.Fatal(err)
	}
	if got := s.Of(key); got != nil {
		t.Errorf("after a green run: %v", got)
	}
	if err := s.Record(Key{}, failures); err == nil {
		t.Error("recorded failures without a tree")
	}
	// What is too much to remember must not leave what is no longer so.
	if err := s.Record(key, failures); err != nil {
		t.Fatal(err)
	}
	long := []Failure{{Message: strings.Repeat("x", 1<<20)}}
	if err := s.Record(key, long); err == nil || s.Of(key) != nil {
		t.Errorf("error %v, and %v", err, s.Of(key))
	}

	old := time.Now().Add(-maxFailuresAge - time.Hour).Format(time.RFC3339)
	for _, content := range []string{"", "{", "[]", `{"tree":"t2","failures":[{}]}`, `{"tree":"t1","when":"` + old + `","failures":[{}]}`} {
		if err := os.WriteFile(s.files.file(key), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := s.Of(key); got != nil {
			t.Errorf("%s: %v", content, got)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(state, "failures", "new-*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestSameFailure(t *testing.T) {
	t.Parallel()
	f := Failure{Suite: "go", Test: Test{"p", "TestX"}, Kind: "assertion", Message: "/tmp/TestX17/001: got 0xc0001, want nothing (12ms)"}
	for _, tt := range []struct {
		change func(*Failure)
		same   bool
	}{
		{func(*Failure) {}, true},
		{func(f *Failure) { f.Message = "/tmp/TestX4/001: got 0xc0fe, want nothing (9ms)" }, true},
		{func(f *Failure) { f.Needs = []Test{{"p", ""}} }, true},
		{func(f *Failure) { f.Message = strings.Replace(f.Message, "nothing", "all", 1) }, false},
		{func(f *Failure) { f.Kind = "panic" }, false},
		{func(f *Failure) { f.Test.Test = "TestX/sub" }, false},
		{func(f *Failure) { f.Suite = "python" }, false},
	} {
		g := f
		tt.change(&g)
		if f.Is(g) != tt.same {
			t.Errorf("%+v: same %t", g, f.Is(g))
		}
	}
}
