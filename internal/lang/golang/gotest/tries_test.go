package gotest

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// A test that fails in one of several tries has failed, whatever the others do.
func TestTries(t *testing.T) {
	t.Parallel()
	const archive = `
-- a_test.go --
package a

import (
	"runtime"
	"testing"
)

var runs int

func TestFirstTry(t *testing.T) {
	if runs++; runs == 1 {
		t.Error("first")
	}
}

func TestLastTry(t *testing.T) {
	t.Run("two cores", func(t *testing.T) {
		if runtime.GOMAXPROCS(0) == 2 {
			t.Error("last")
		}
	})
	t.Run("fine", func(t *testing.T) {})
}

func TestEachTry(t *testing.T) { t.Error("each") }

func TestSkipsOnce(t *testing.T) {
	if runs == 1 {
		t.Skip()
	}
}

func TestFine(t *testing.T) {}
`
	const want = `example.com/m.TestFirstTry assertion a_test.go:12 first
example.com/m.TestEachTry assertion a_test.go:25 each
example.com/m.TestLastTry/two_cores assertion a_test.go:19 last
`
	s := find(t, archive, "go test -cpu=1,2 ./...")
	r := run(t, s, testrun.Request{})
	if got := briefs(r); got != want {
		t.Errorf("got failures:\n%s\nwant:\n%s", got, want)
	}
	var passed []string
	for _, id := range r.Passed {
		passed = append(passed, id.Test)
	}
	slices.Sort(passed)
	if got := strings.Join(passed, " "); got != "TestFine TestLastTry/fine TestSkipsOnce" || len(r.Skipped) > 0 {
		t.Errorf("got passed %q, skipped %v", got, r.Skipped)
	}
}

// With go test -json -v, a result line that follows other output has no event, and output can look
// like a result. What the testing package itself writes counts.
func TestVerboseResults(t *testing.T) {
	t.Parallel()
	const archive = `
-- a_test.go --
package a

import (
	"fmt"
	"testing"
)

func TestNoLineEnd(t *testing.T) {
	t.Error("wrong")
	fmt.Print("no line end")
}

func TestPasses(t *testing.T) { fmt.Print("no line end") }

func TestSkips(t *testing.T) {
	fmt.Print("no line end")
	t.SkipNow()
}

func TestLooksRed(t *testing.T) {
	fmt.Println("--- FAIL: TestLooksRed (0.00s)")
	fmt.Println("--- FAIL: TestLater (0.00s)")
	fmt.Print("--- FAIL: TestLooksRed (0.00s)")
}

func TestLater(t *testing.T) { fmt.Print("no line end") }

func TestLooksGreen(t *testing.T) {
	fmt.Println("--- PASS: TestLooksGreen (0.00s)")
	t.Error("wrong again")
	fmt.Print("--- PASS: TestLooksGreen (0.00s)")
}

func TestParent(t *testing.T) {
	t.Run("red", func(t *testing.T) {
		t.Error("wrong within")
		fmt.Print("no line end")
	})
	t.Run("green", func(t *testing.T) { fmt.Print("no line end") })
}

func TestLast(t *testing.T) { fmt.Println("--- FAIL: TestPasses (0.00s)") }
`
	const failures = `example.com/m.TestNoLineEnd assertion a_test.go:9 wrong
example.com/m.TestLooksGreen assertion a_test.go:30 wrong again
example.com/m.TestParent/red assertion a_test.go:36 wrong within
`
	const green = "TestLast TestLater TestLooksRed TestParent/green TestPasses; TestSkips"
	const all = "TestLast pass, TestLater pass, TestLooksGreen fail, TestLooksRed pass, TestNoLineEnd fail, TestParent fail, TestParent/green pass, TestParent/red fail, TestPasses pass, TestSkips skip"
	s := find(t, archive, "")
	for name, flags := range map[string][]string{"json": nil, "json and v": {"-v"}} {
		cmd := exec.Command("go", append([]string{"test", "-json", "-fullpath"}, flags...)...)
		cmd.Dir = s.Root
		stream, _ := cmd.Output() // it is red
		c := newCollector(s.tree(overlay{}))
		settled := newOutcomes(c.add)
		reader := &eventReader{emit: settled.add, other: func([]byte) {}}
		reader.Write(stream)
		reader.close()
		settled.close()
		if err := c.endCall(s.Root, "", 1); err != nil {
			t.Fatal(err)
		}
		r, err := c.finish(testrun.Request{})
		if err != nil {
			t.Fatal(err)
		}
		if got := briefs(r); got != failures {
			t.Errorf("%s: got failures:\n%s\nwant:\n%s", name, got, failures)
		}
		replay := NewReplay(s.Root, s.Modules, nil)
		for line := range strings.Lines(string(stream)) {
			var e Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			replay.Add(e)
		}
		outcomes, err := replay.Outcomes()
		if err != nil {
			t.Error(err)
		}
		var replayed []string
		for _, o := range outcomes {
			replayed = append(replayed, o.Test+" "+o.Action)
		}
		slices.Sort(replayed)
		if got := strings.Join(replayed, ", "); got != all {
			t.Errorf("%s: replayed %s, want %s", name, got, all)
		}
		var passed, skipped []string
		for _, id := range r.Passed {
			passed = append(passed, id.Test)
		}
		for _, id := range r.Skipped {
			skipped = append(skipped, id.Test)
		}
		slices.Sort(passed)
		if got := strings.Join(passed, " ") + "; " + strings.Join(skipped, " "); got != green {
			t.Errorf("%s: got %s, want %s", name, got, green)
		}
	}
}
