package lang

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// suite is a suite that has nothing but a command.
type suite struct {
	testrun.Suite
	command string
}

func (s suite) String() string { return s.command }

// language returns a language whose Find takes the test command if there is one, or else
// finds tests of its own, run by "NAME tests", or fails.
func language(name, sign string, has, reads bool, fail error) Language {
	return Language{
		Name: name, Sign: sign, ReadsResults: reads,
		Find: func(_ context.Context, tree Tree) ([]testrun.Suite, error) {
			switch {
			case fail != nil:
				return nil, fail
			case tree.Command != "" && (has || sign == ""):
				return []testrun.Suite{suite{command: name + " runs " + tree.Command}}, nil
			case has:
				return []testrun.Suite{suite{command: name + " tests"}}, nil
			}
			return nil, nil
		},
	}
}

// The test command runs once, by the language that it belongs to.
func TestFind(t *testing.T) {
	t.Parallel()
	noTests := &testrun.NotRunError{What: "no test files", NoTests: true}
	broken := &testrun.NotRunError{What: "go.mod is broken"}
	for _, test := range []struct {
		name      string
		languages []Language
		tree      Tree
		want      string // the suites, or the error
	}{
		{"one language", []Language{language("go", "Go module", true, false, nil), language("generic", "", false, true, nil)}, Tree{}, "go tests"},
		{"its command", []Language{language("go", "Go module", true, false, nil), language("generic", "", false, true, nil)}, Tree{Command: "make"}, "go runs make"},
		{"a command without a language", []Language{language("go", "Go module", false, false, nil), language("generic", "", false, true, nil)}, Tree{Command: "make"}, "generic runs make"},
		{
			"a command with results, next to a language",
			[]Language{language("go", "Go module", true, false, nil), language("generic", "", false, true, nil)},
			Tree{Command: "pytest", Results: []string{"*.xml"}},
			"go tests, generic runs pytest",
		},
		{"several languages", []Language{language("go", "Go module", true, false, nil), language("python", "pytest", true, false, nil)}, Tree{Command: "make"}, "go runs make, python tests"},
		{"nothing", []Language{language("go", "Go module", false, false, nil), language("python", "Python test", false, false, nil), language("generic", "", false, true, nil)}, Tree{}, "no Go module, no Python test and no test command"},
		{"a language without tests", []Language{language("go", "Go module", true, false, noTests), language("generic", "", false, true, nil)}, Tree{}, "no test files"},
		{"a language without tests, next to one with", []Language{language("go", "Go module", true, false, noTests), language("generic", "", false, true, nil)}, Tree{Command: "make"}, "generic runs make"},
		{"a language that cannot run, next to one that can", []Language{language("go", "Go module", true, false, broken), language("generic", "", false, true, nil)}, Tree{Command: "pytest", Results: []string{"*.xml"}}, "go tests, generic runs pytest"},
		{"its command, with a language that cannot run", []Language{language("go", "Go module", true, false, broken), language("generic", "", false, true, nil)}, Tree{Command: "make"}, "go.mod is broken"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			found, err := Find(t.Context(), test.languages, test.tree)
			var commands []string
			for _, f := range found {
				commands = append(commands, f.String())
			}
			got := strings.Join(commands, ", ")
			var notRun *testrun.NotRunError
			if errors.As(err, &notRun) {
				got = notRun.What
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	all := []Language{{Name: "go"}, {Name: "python"}, {Name: "generic"}}
	for _, test := range []struct{ names, want string }{
		{"", "go python generic"},
		{"generic go", "go generic"},
		{"ruby", `unknown language "ruby" (hint: use one of go, python, generic)`},
	} {
		chosen, err := Select(all, strings.Fields(test.names))
		var names []string
		for _, l := range chosen {
			names = append(names, l.Name)
		}
		got := strings.Join(names, " ")
		if err != nil {
			got = usererr.OneLine(err)
		}
		if got != test.want {
			t.Errorf("%q: got %q, want %q", test.names, got, test.want)
		}
	}
}

// Each strategy names its language, and those for every language come last.
func TestStrategies(t *testing.T) {
	t.Parallel()
	table := []propose.Strategy{{Name: "template/guard"}}
	all := Strategies([]Language{{Name: "go", Strategies: table}, {Name: "generic"}})
	i := slices.IndexFunc(all, func(s propose.Strategy) bool { return s.Name == "template/guard" })
	if i < 0 || all[i].Language != "go" || table[0].Language != "" {
		t.Errorf("%+v", all)
	}
	if last := all[len(all)-1]; last.Name != propose.Revert.Name || last.Language != "" {
		t.Errorf("the last strategy is %s of %q", last.Name, last.Language)
	}
}
