package golang

import (
	"testing"

	"github.com/regreen-ci/regreen/internal/lang/langtest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	langtest.Run(t, Language, langtest.Fixture{
		Common:   "-- go.mod --\nmodule example.com/m\n\ngo 1.26\n",
		TestFile: "calc_test.go",
		Green: `
-- calc.go --
package m

func Add(a, b int) int { return a + b }
-- calc_test.go --
package m

import "testing"

func TestAdd(t *testing.T) {
	if Add(1, 2) != 3 {
		t.Error("wrong")
	}
}
`,
		Red: `
-- calc.go --
package m

func Sub(a, b int) int { return a + b }
-- calc_test.go --
package m

import "testing"

func TestNothing(t *testing.T) {}

func TestSub(t *testing.T) {
	if is := Sub(3, 1); is != 2 {
		t.Errorf("%d is not 2", is) // RED
	}
}
`,
		Fix: `
-- calc.go --
package m

func Sub(a, b int) int { return a - b }
`,
		Flaky: `
-- flaky_test.go --
package m

import (
	"os"
	"testing"
)

func TestFlaky(t *testing.T) {
	file := os.Getenv("LANGTEST_FILE")
	if _, err := os.Stat(file); err != nil {
		os.WriteFile(file, nil, 0o600)
		t.Error("no file")
	}
}
`,
		Broken: `
-- calc.go --
package m

func Add(a, b int) int { return a + c }
-- calc_test.go --
package m

import "testing"

func TestAdd(t *testing.T) { Add(1, 2) }
`,
		Hang: `
-- hang_test.go --
package m

import (
	"fmt"
	"os"
	"testing"
)

func TestHang(t *testing.T) {
	file := os.Getenv("LANGTEST_FILE")
	os.WriteFile(file+".new", fmt.Append(nil, os.Getpid()), 0o600)
	os.Rename(file+".new", file)
	select {}
}

func TestHangToo(t *testing.T) { t.Parallel(); select {} }
`,
		Killed: `
-- killed_test.go --
package m

import (
	"os"
	"testing"
)

func TestKilled(t *testing.T) {
	p, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	select {}
}
`,
		Flood: `
-- flood_test.go --
package m

import (
	"fmt"
	"strings"
	"testing"
)

func TestFlood(t *testing.T) {
	for range 1000 {
		fmt.Println(strings.Repeat("0", 999))
	}
	t.Error("too much")
}
`,
	})
}
