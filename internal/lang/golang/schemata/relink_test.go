package schemata

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// A bug is a published module with a seeded bug, like in bench/repair.
type bug struct{ module, version, file, fixed, buggy string }

var (
	semverBug = bug{"github.com/Masterminds/semver/v3", "v3.3.1", "constraints.go", "if v.Minor() != c.con.Minor() && !c.minorDirty {", "if v.Minor() != c.con.Minor() {"}
	tomlBug   = bug{"github.com/pelletier/go-toml/v2", "v2.2.4", "marshaler.go", "enc.encodeKey(b, ctx.parentKey[0])", "enc.encodeKey(b, ctx.key)"}
)

// seeded returns a screener for the module with the bug in it, its target and whole
// candidates: changes of operators all over the file, an added import, an edit that does not
// compile, and last the fix.
func seeded(tb testing.TB, b bug, edits int) (*Screener, validate.Target, []propose.Candidate) {
	tb.Helper()
	home := tb.TempDir()
	cmd := exec.Command("go", "mod", "download", "-json", b.module+"@"+b.version)
	cmd.Dir, cmd.Env = home, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.Output()
	var got struct{ Dir, Error string }
	if json.Unmarshal(out, &got) != nil || got.Dir == "" {
		tb.Skipf("cannot download %s: %v %s", b.module, err, got.Error)
	}
	root, err := filepath.EvalSymlinks(home)
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(root, "m"), os.DirFS(got.Dir)); err != nil {
		tb.Fatal(err)
	}
	root = filepath.Join(root, "m")
	src, err := os.ReadFile(filepath.Join(root, b.file))
	if err != nil || strings.Count(string(src), b.fixed) != 1 {
		tb.Fatalf("%s: %v", b.file, err)
	}
	src = []byte(strings.Replace(string(src), b.fixed, b.buggy, 1))
	if err := writeOver(filepath.Join(root, b.file), src); err != nil {
		tb.Fatal(err)
	}
	suite, err := gotest.Find(root, "")
	if err != nil {
		tb.Fatal(err)
	}
	suite.Sandbox = testrun.NewSandbox(os.Environ())
	s := New(Options{
		Suite: suite, Tree: &source.Tree{Tree: &propose.Tree{Root: root}, Env: suite.Sandbox.Env()}, Jobs: 2, Log: slog.New(slog.DiscardHandler),
	})
	res, err := suite.Run(tb.Context(), testrun.Request{Packages: []string{b.module}, Count: 1, NoVet: true})
	if err != nil {
		tb.Skipf("%s cannot be tested: %v", b.module, err)
	}
	if len(res.Failures) == 0 {
		tb.Fatal("no test fails")
	}
	swap := func(at int, old, new string) propose.Candidate {
		return propose.Candidate{
			Strategy: "test", Title: old + " -> " + new, Line: 1 + bytes.Count(src[:at], []byte("\n")), Whole: true,
			Edits: []propose.Edit{{File: b.file, Start: at, End: at + len(old), New: new}},
		}
	}
	cands := flips(tb, src, edits, swap)
	imports := bytes.Index(src, []byte("import (")) + len("import (")
	cands = append(cands, swap(imports, "", "\n\t_ \"expvar\""), swap(len(src), "", "\nconst surplus = undefined\n"),
		swap(bytes.Index(src, []byte(b.buggy)), b.buggy, b.fixed))
	return s, validate.Target{Package: b.module, Failures: res.Failures}, cands
}

func writeOver(file string, content []byte) error {
	if err := os.Remove(file); err != nil { // the copy is read-only, like the module cache
		return err
	}
	return os.WriteFile(file, content, 0o600)
}

// flips returns n candidates that each turn an operator into its opposite.
func flips(tb testing.TB, src []byte, n int, swap func(at int, old, new string) propose.Candidate) []propose.Candidate {
	tb.Helper()
	opposite := map[token.Token]string{
		token.LSS: ">=", token.GTR: "<=", token.LEQ: ">", token.GEQ: "<", token.EQL: "!=", token.NEQ: "==", token.LAND: "||", token.LOR: "&&",
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", src, 0)
	if err != nil {
		tb.Fatal(err)
	}
	var all []propose.Candidate
	ast.Inspect(file, func(node ast.Node) bool {
		if e, ok := node.(*ast.BinaryExpr); ok && opposite[e.Op] != "" {
			all = append(all, swap(set.Position(e.OpPos).Offset, e.Op.String(), opposite[e.Op]))
		}
		return true
	})
	if len(all) < n {
		tb.Fatalf("got %d operators", len(all))
	}
	var some []propose.Candidate
	for i := range n {
		some = append(some, all[i*len(all)/n])
	}
	return some
}

// whole returns the results of whole candidates, relinked or by the go command alone.
func whole(tb testing.TB, s *Screener, target validate.Target, cands []propose.Candidate, relink bool) []validate.Result {
	tb.Helper()
	results := make([]validate.Result, len(cands))
	for i := range cands {
		results[i] = validate.Result{Candidate: &cands[i], Verdict: validate.Pruned}
	}
	b := s.newBatch(target, results, nil)
	if relink {
		b.runWhole(tb.Context())
	} else {
		b.runBuilt(tb.Context(), nil)
	}
	for i := range results {
		results[i].Seconds = 0
	}
	return results
}

// TestRelinkVerdicts checks for a real package that relinking returns the same results as the
// go command.
func TestRelinkVerdicts(t *testing.T) {
	t.Parallel()
	s, target, cands := seeded(t, semverBug, 8)
	var log bytes.Buffer
	s.opt.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	got := whole(t, s, target, cands, true)
	if log.Len() > 0 {
		t.Errorf("not relinked:\n%s", log.String())
	}
	seen := map[validate.Verdict]int{}
	for i, want := range whole(t, s, target, cands, false) {
		seen[want.Verdict]++
		if show(got[i]) != show(want) {
			t.Errorf("line %d, %s:\nrelinked %s\noverlaid %s", cands[i].Line, cands[i].Title, show(got[i]), show(want))
		}
	}
	if seen[validate.Plausible] != 1 || seen[validate.Rejected] != len(cands)-1 {
		t.Errorf("got verdicts %v", seen)
	}
}

func show(r validate.Result) string {
	return fmt.Sprint(r.Verdict, r.Stage, r.Reason, r.Fixes, r.Compiles, r.StillFailing)
}
