package witness

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func drawKey(t *rapid.T, name string) Key {
	word := rapid.StringN(0, 6, -1)
	return Key{
		Tree: word.Draw(t, name+" tree"), Command: word.Draw(t, name+" command"),
		Toolchain: rapid.SliceOfN(word, 0, 3).Draw(t, name+" toolchain"), Environ: rapid.SliceOfN(word, 0, 3).Draw(t, name+" environ"),
	}
}

// Keys have the same ID if and only if they are equal, in any order of the variables.
func TestID(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawKey(t, "one"), drawKey(t, "other")
		sorted := func(l []string) []string { return slices.Sorted(slices.Values(l)) }
		same := a.Tree == b.Tree && a.Command == b.Command && slices.Equal(a.Toolchain, b.Toolchain) && slices.Equal(sorted(a.Environ), sorted(b.Environ))
		if (a.ID() == b.ID()) != same {
			t.Fatalf("%+v and %+v: same %t", a, b, same)
		}
		c := a
		c.Environ = slices.Clone(a.Environ)
		slices.Reverse(c.Environ)
		if a.ID() != c.ID() {
			t.Fatal("the ID depends on the order of the variables")
		}
	})
}

func TestStore(t *testing.T) {
	t.Parallel()
	s := Open(t.TempDir())
	key := Key{Tree: "t1", Command: "go test ./..."}
	if _, ok := s.Find(key); ok {
		t.Fatal("found a witness in an empty store")
	}
	want := Witness{Scope: Suite, Verdict: "green", Run: "r1", When: time.Now().UTC().Truncate(time.Second), Tests: 7, Seconds: 1.5}
	if err := s.Record(key, want); err != nil {
		t.Fatal(err)
	}
	want.Tree = "t1"
	if got, ok := s.Find(key); !ok || got != want {
		t.Errorf("found %+v, %t", got, ok)
	}
	for _, other := range []Key{{Tree: "t2", Command: key.Command}, {Tree: "t1"}, {Tree: "t1", Command: key.Command, Environ: []string{"GOFLAGS=-race"}}} {
		if _, ok := s.Find(other); ok {
			t.Errorf("found a witness for %+v", other)
		}
	}
	if err := s.Record(key, Witness{Scope: Reached, Run: "r2"}); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Find(key); got.Run != "r1" {
		t.Error("a witness of the whole suite was replaced")
	}
	if err := s.Record(Key{}, Witness{}); err == nil {
		t.Error("recorded a witness without a tree")
	}
}

// A witness that cannot be read or is about another tree is ignored.
func TestBrokenWitness(t *testing.T) {
	t.Parallel()
	s := Open(t.TempDir())
	key := Key{Tree: "t1"}
	for _, content := range []string{"", "{", `{"tree":"t2","scope":"suite"}`, "[]"} {
		if err := os.MkdirAll(s.files.dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.files.file(key), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if w, ok := s.Find(key); ok {
			t.Errorf("%q was accepted as a witness: %+v", content, w)
		}
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	s := Open(t.TempDir())
	for i := range 12 {
		key := Key{Tree: strconv.Itoa(i)}
		if err := s.Record(key, Witness{Scope: Suite}); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(time.Duration(i-100) * time.Second)
		if err := os.Chtimes(s.files.file(key), old, old); err != nil {
			t.Fatal(err)
		}
	}
	s.files.prune(8)
	if n := len(s.files.list()); n != 6 {
		t.Errorf("%d left, want 6", n)
	}
	if _, ok := s.Find(Key{Tree: "11"}); !ok {
		t.Error("the newest was removed")
	}
}

func TestLedger(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "regreen")
	l := OpenLedger(state)
	if got, err := l.Bypasses(5); err != nil || len(got) != 0 {
		t.Fatalf("got %v, %v", got, err)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if err := l.Note(Bypass{Commit: strconv.Itoa(i), Subject: string(make([]byte, 500))}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := l.Note(Bypass{Commit: "3", Why: "again"}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.name, append(must(os.ReadFile(l.name)), "half a li"...), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := l.Bypasses(100)
	if err != nil || len(got) != 20 || got[0].Commit != "3" || got[0].Why != "again" {
		t.Errorf("%d bypasses, the first %+v, %v", len(got), got[0], err)
	}
	if got, _ := l.Bypasses(2); len(got) != 2 {
		t.Errorf("got %d bypasses, want 2", len(got))
	}
}

// A ledger does not grow forever, and keeps the newest bypasses.
func TestLedgerIsBounded(t *testing.T) {
	t.Parallel()
	l := OpenLedger(t.TempDir())
	if err := os.WriteFile(l.name, []byte(`{"commit":"old"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 1500 {
		if err := l.Note(Bypass{Commit: strconv.Itoa(i), Subject: string(make([]byte, 100))}); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(l.name)
	if err != nil || info.Size() > maxLedger+2000 {
		t.Errorf("got %d bytes, %v", info.Size(), err)
	}
	got, err := l.Bypasses(5000)
	if err != nil || got[0].Commit != "1499" || got[len(got)-1].Commit == "old" {
		t.Errorf("got %d, %v", len(got), err)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
