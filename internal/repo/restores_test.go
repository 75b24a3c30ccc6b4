package repo

import "testing"

func TestRestores(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write("a", "a\n")
	f.write("b", "b\n")
	f.commit("first")
	f.git("checkout", "-q", "-b", "side")
	f.write("b", "side\n")
	side := f.commit("side")
	f.git("checkout", "-q", "main")
	f.write("a", "main\n")
	f.commit("main")
	to := func(name, old, new string) Change {
		return Change{Path: name, Old: []byte(old), New: []byte(new), OldExists: true, NewExists: true}
	}
	made := Change{Path: "n", Old: []byte("n\n"), OldExists: true}
	check := func(what, want string, changes ...Change) {
		t.Helper()
		for _, src := range []Source{Index(""), WorkTree()} {
			if got, err := f.open().Restores(t.Context(), src, changes); err != nil || got != want {
				t.Errorf("%s, %v: got %q, %v, want %q", what, src, got, err, want)
			}
		}
	}
	check("nothing changed", "", to("a", "main\n", "x\n"))
	f.write("a", "edited\n")
	f.write("n", "n\n")
	f.git("add", "-A")
	check("a part", "", to("a", "edited\n", "main\n"))
	check("all, but not as it was", "", to("a", "edited\n", "other\n"), made)
	check("the tree of an earlier commit", "", to("a", "edited\n", "a\n"), made)
	check("all", "HEAD", to("a", "edited\n", "main\n"), made)
	f.git("reset", "-q", "--hard")
	f.git("merge", "-q", "--no-commit", "--no-ff", "side")
	check("what is merged", "HEAD", to("b", "side\n", "b\n"))
	check("what it is merged into", side, to("a", "main\n", "a\n"))
	check("both", "", to("a", "main\n", "a\n"), to("b", "side\n", "b\n"))
}
