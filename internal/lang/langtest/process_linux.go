package langtest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// ended checks that the process whose ID is in the tree's file has ended.
func (tr *tree) ended(t *testing.T) {
	t.Helper()
	content, err := os.ReadFile(tr.file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		t.Fatal(err)
	}
	// A process that has ended but was not reaped has no environment.
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err == nil && strings.Contains(string(environ), "LANGTEST_FILE="+tr.file) {
		t.Errorf("process %d was left behind", pid)
	}
}
