package repo

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestGitBegan runs this test below a process that is called git.
func TestGitBegan(t *testing.T) {
	t.Parallel()
	if os.Getenv("REGREEN_TEST_BEGAN") != "" {
		began, ok := gitBegan()
		if age := time.Since(began); !ok || age < 200*time.Millisecond || age > time.Minute {
			t.Fatalf("got %v, %v", age, ok)
		}
		return
	}
	f := newFixture(t)
	hook := "#!/bin/sh\nsleep 0.3\nREGREEN_TEST_BEGAN=1 '" + os.Args[0] + "' -test.run '^TestGitBegan$' >&2\n"
	if err := os.WriteFile(filepath.Join(f.dir, ".git", "hooks", "pre-commit"), []byte(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("git", "commit", "-q", "--allow-empty", "-m", "begin")
	cmd.Dir, cmd.Env = f.dir, f.env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
