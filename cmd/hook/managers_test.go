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
//	page SECTION   runs the shell commands of a section of the page
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
	params.Cmds["snippet"], params.Cmds["page"] = cmdSnippet, cmdPage
	testscript.Run(t, params)
}

func cmdSnippet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: snippet NAME")
	}
	page := managersPage(ts)
	block := regexp.MustCompile("(?ms)^```[a-z-]+ " + regexp.QuoteMeta(args[0]) + "\n(.*?)^```$").FindSubmatch(page)
	if block == nil {
		ts.Fatalf("docs/hook-managers.md shows no %s", args[0])
	}
	name := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(name), 0o755))
	ts.Check(os.WriteFile(name, block[1], 0o755))
}

func managersPage(ts *testscript.TestScript) []byte {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "hook-managers.md"))
	ts.Check(err)
	return page
}

func cmdPage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: page SECTION")
	}
	section := regexp.MustCompile("(?ms)^## " + regexp.QuoteMeta(args[0]) + "$(.*?)(^## |\\z)").FindSubmatch(managersPage(ts))
	if section == nil {
		ts.Fatalf("docs/hook-managers.md has no section %s", args[0])
	}
	blocks := regexp.MustCompile("(?ms)^```shell\n(.*?)^```$").FindAllSubmatch(section[1], -1)
	if len(blocks) == 0 {
		ts.Fatalf("section %s has no commands", args[0])
	}
	for _, block := range blocks {
		ts.Check(ts.Exec("sh", "-eu", "-c", string(block[1])))
	}
}
