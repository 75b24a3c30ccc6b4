package install

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/githook"
)

// TestCallRemoved checks that uninstalling leaves every byte of a hook as it was.
func TestCallRemoved(t *testing.T) {
	t.Parallel()
	line := rapid.SampledFrom([]string{
		"#!/bin/sh", "#!/bin/bash", "npm test", "exit 0", "exit 1", "exec make", "", "\r", "#", `. "$(dirname -- "$0")/_/husky.sh"`,
		"# regreen", "# regreen end", "a\x00b",
	})
	rapid.Check(t, func(t *rapid.T) {
		newline := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "newline")
		hook := []byte(strings.Join(rapid.SliceOfN(line, 0, 6).Draw(t, "lines"), newline))
		name := rapid.SampledFrom(githook.Names()).Draw(t, "name")
		added := addCall(hook, name)
		if _, installed := hasCall(added, name); !installed {
			t.Fatalf("no call in %q", added)
		}
		if got := removeCall(added); !bytes.Equal(got, hook) {
			t.Fatalf("got %q, want %q, from %q", got, hook, added)
		}
		if got := removeCall(hook); !bytes.Equal(got, hook) {
			t.Fatalf("without a call: got %q, want %q", got, hook)
		}
	})
}

// TestCalledHook runs hooks with the call, by sh and by bash. Each does the same as before: the
// same output, input and status. Regreen runs unless the hook fails, and blocks if it fails.
func TestCalledHook(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	fake := "#!/bin/sh\n[ -t 0 ] || cat | sed 's/^/regreen read /'\necho \"regreen $*\"\nexit ${REGREEN_FAILS:-0}\n"
	if err := os.WriteFile(filepath.Join(bin, "regreen"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	for title, hook := range map[string]string{
		"plain":                  "#!/bin/sh\necho lint\n",
		"without a newline":      "#!/bin/sh\necho lint",
		"without an interpreter": "echo lint\n",
		"only an interpreter":    "#!/bin/sh",
		"empty":                  "",
		"ends early":             "#!/bin/sh\nif [ -z \"$files\" ]; then\n\texit 0\nfi\necho lint\n",
		"ends with a program":    "#!/bin/sh\nexec echo lint\n",
		"fails":                  "#!/bin/sh\necho lint\nfalse\n",
		"fails early":            "#!/bin/sh\n[ 1 = 2 ] || exit 3\necho lint\n",
		"fails last":             "#!/bin/sh\necho lint\nexit 4\n",
		"strict":                 "#!/bin/sh\nset -eu\necho lint \"$#\"\n",
		"a false condition":      "#!/bin/sh\n[ -n \"$files\" ] && echo lint\n",
		"reads":                  "#!/bin/sh\nwhile read -r a b; do echo \"got $a $b\"; done\n",
		"reads and ends":         "#!/bin/sh\ncat\nexit 0\n",
		"a trap":                 "#!/bin/sh\ntrap 'echo done' EXIT\necho lint\n",
	} {
		for _, name := range []githook.Name{githook.PreCommit, githook.PrePush} {
			for _, shell := range []string{"sh", "bash"} {
				t.Run(title+"/"+string(name)+"/"+shell, func(t *testing.T) {
					t.Parallel()
					file := filepath.Join(t.TempDir(), string(name))
					input := ""
					if name == githook.PrePush {
						input = "refs/heads/a b\nrefs/heads/$c `d` \\e\n"
					}
					run := func(text []byte, path, fails string) (string, int) {
						if err := os.WriteFile(file, text, 0o755); err != nil {
							t.Fatal(err)
						}
						cmd := exec.Command(shell, file, "origin", "url")
						cmd.Env = []string{"PATH=" + path + os.Getenv("PATH"), "REGREEN_FAILS=" + fails}
						cmd.Stdin = strings.NewReader(input)
						out, err := cmd.CombinedOutput()
						if _, failed := err.(*exec.ExitError); err != nil && !failed {
							t.Fatal(err)
						}
						return string(out), cmd.ProcessState.ExitCode()
					}
					before, status := run([]byte(hook), "", "")
					called := addCall([]byte(hook), name)
					if out, got := run(called, "", ""); out != before || got != status {
						t.Errorf("without regreen: got %d %q, want %d %q\n%s", got, out, status, before, called)
					}
					ran := "regreen hook " + string(name) + " origin url\n"
					out, got := run(called, bin+":", "")
					if got != status {
						t.Errorf("with regreen: got status %d, want %d\n%s", got, status, called)
					}
					if status == 0 && !strings.Contains(out, ran) {
						t.Errorf("regreen did not run: %q\n%s", out, called)
					}
					for line := range strings.Lines(input) {
						if status == 0 && !strings.Contains(out, "regreen read "+line) {
							t.Errorf("regreen did not read %q: %q", line, out)
						}
						out = strings.Replace(out, "regreen read "+line, "", 1)
					}
					if out = strings.Replace(out, ran, "", 1); out != before {
						t.Errorf("with regreen: got %q, want %q\n%s", out, before, called)
					}
					if _, got := run(called, bin+":", "1"); got == 0 {
						t.Errorf("regreen failed, and the hook did not\n%s", called)
					}
				})
			}
		}
	}
}

func TestIsShell(t *testing.T) {
	t.Parallel()
	for first, want := range map[string]bool{
		"#!/bin/sh": true, "#! /usr/bin/env bash": true, "#!/usr/bin/env -S bash -e": true, "#!/bin/busybox sh": true, "npm test": true, "": true,
		"#!/bin/sh\r": true, "#!/usr/bin/env node": false, "#!/usr/bin/python3": false, "#!/usr/bin/env ruby": false, "\x7fELF\x00": false, "#!": false,
		"#!/usr/bin/env fish": false,
	} {
		if got := isShell([]byte(first + "\ntrue\n")); got != want {
			t.Errorf("%q: got %v", first, got)
		}
	}
}
