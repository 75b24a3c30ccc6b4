package docs

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnyCI runs the script for any CI with programs that print their arguments.
func TestAnyCI(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs(filepath.Join("ci", "any-ci.sh"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(script); err != nil { // so that the go command caches this test by it
		t.Fatal(err)
	}
	const regreen = "#!/bin/sh\necho \"regreen $*, $REGREEN_ARTIFACT\"\nexit ${STATUS:-0}\n"
	tests := []struct {
		name   string
		env    []string
		want   string // in the output
		status int
	}{
		{"a regreen that exists", []string{"REGREEN_BINARY=DIR/regreen"}, "regreen fix --apply never --budget 1m, regreen-report\n", 0},
		{"its status", []string{"REGREEN_BINARY=DIR/regreen", "STATUS=3"}, "regreen fix", 3},
		{"a release", []string{"REGREEN_VERSION=v1.2.3", "REGREEN_SHA256=SUM"}, "regreen fix", 0},
		{"another binary", []string{"REGREEN_VERSION=v1.2.3", "REGREEN_SHA256=" + strings.Repeat("0", 64)}, "", 1},
		{"no hash", []string{"REGREEN_VERSION=v1.2.3"}, "the hash of the binary", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bin := t.TempDir()
			for name, text := range map[string]string{
				"regreen": regreen,
				// It downloads the same program, whatever the release.
				"curl": "#!/bin/sh\nwhile [ \"$1\" != --output ]; do shift; done\ncp \"" + bin + "/regreen\" \"$2\"\n",
			} {
				if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			hashed, err := exec.Command("sha256sum", filepath.Join(bin, "regreen")).Output()
			if err != nil {
				t.Skip("there is no sha256sum")
			}
			cmd := exec.Command("sh", script, "--budget", "1m")
			cmd.Dir = t.TempDir()
			cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			for _, entry := range tt.env {
				entry = strings.Replace(entry, "DIR/", bin+"/", 1)
				if strings.HasSuffix(entry, "=SUM") {
					entry = strings.TrimSuffix(entry, "SUM") + string(hashed[:64])
				}
				cmd.Env = append(cmd.Env, entry)
			}
			out, err := cmd.CombinedOutput()
			status := 0
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				status = exit.ExitCode()
			}
			if status != tt.status || !strings.Contains(string(out), tt.want) || tt.want == "" && strings.Contains(string(out), "regreen fix") {
				t.Errorf("got status %d, want %d, and %q:\n%s", status, tt.status, tt.want, out)
			}
		})
	}
}
