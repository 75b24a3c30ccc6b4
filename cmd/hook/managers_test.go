package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestHookManagers runs regreen from other hook managers, with the configuration files that
// docs/hook-managers.md shows. The scripts have the commands of TestScript, and
//
//	snippet NAME   writes the file NAME as the page shows it
//
// and the programs in testdata/managers/bin.
func TestHookManagers(t *testing.T) {
	t.Parallel()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	tools := filepath.Join(cache, "regreen", "hook-managers")
	if out, err := exec.Command("sh", filepath.Join("..", "..", "scripts", "hook-managers.sh"), tools).CombinedOutput(); err != nil {
		t.Skipf("cannot install the hook managers: %s", out)
	}
	params := scripts(t, "managers")
	params.Condition = func(name string) (bool, error) { // a program that make setup could not install
		if _, err := os.Stat(filepath.Join(tools, "bin", name)); err == nil {
			return true, nil
		}
		_, err := exec.LookPath(name)
		return err == nil, nil
	}
	setup := params.Setup
	params.Setup = func(env *testscript.Env) error {
		if err := setup(env); err != nil {
			return err
		}
		env.Setenv("PATH", filepath.Join(tools, "bin")+string(os.PathListSeparator)+env.Getenv("PATH"))
		if err := os.CopyFS(env.WorkDir, os.DirFS(filepath.Join("testdata", "managers", "bin"))); err != nil {
			return err
		}
		manifest, err := os.ReadFile(filepath.Join("..", "..", ".pre-commit-hooks.yaml"))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(env.WorkDir, "manifest.yaml"), manifest, 0o644)
	}
	params.Cmds["snippet"] = cmdSnippet
	testscript.Run(t, params)
}

func cmdSnippet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: snippet NAME")
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "hook-managers.md"))
	ts.Check(err)
	block := regexp.MustCompile("(?ms)^```[a-z-]+ " + regexp.QuoteMeta(args[0]) + "\n(.*?)^```$").FindSubmatch(page)
	if block == nil {
		ts.Fatalf("docs/hook-managers.md shows no %s", args[0])
	}
	name := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(name), 0o755))
	ts.Check(os.WriteFile(name, block[1], 0o755))
}
