package gotest

import (
	"errors"
	"os"
	"testing"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// The place of an error in an overlay is known even if its copies are in a directory whose name
// begins with that of the tree: the go command shortens such a name by mistake.
func TestOverlayInSibling(t *testing.T) {
	t.Parallel()
	root := write(t, small)
	temp := root + ".1"
	if err := os.Mkdir(temp, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := FindIn(root, "", testrun.NewSandbox(append(os.Environ(), "GOTMPDIR="+temp)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Build(t.Context(), "example.com/m/calc", BuildOptions{Overlay: map[string][]byte{"calc/calc.go": []byte("package calc\n\n}\n")}})
	var build *BuildError
	if !errors.As(err, &build) || len(build.Positions) == 0 || build.Positions[0].Location != (testrun.Location{File: "calc/calc.go", Line: 3, Column: 1}) {
		t.Errorf("got %+v, %v", build, err)
	}
}
