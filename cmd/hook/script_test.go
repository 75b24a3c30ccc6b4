package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/regreen-ci/regreen/internal/gate"
	"github.com/regreen-ci/regreen/internal/learn/storetest"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/schema"
)

var update = flag.Bool("update", false, "rewrite the golden parts of the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"regreen": main,
		"regreen-gate": func() { // same as cmd/gate; the shims look for it next to regreen
			if !gate.PreCommit(".", os.Environ()) {
				os.Exit(1)
			}
		},
	})
}

// TestScript runs one script for each behavior of the command. The scripts are also
// documentation: each starts with what it shows.
//
// They can use testscript's own commands, and these:
//
//	status N CMD...   runs CMD and checks that its exit status is N
//	repo [DIR]        makes DIR a repository and commits its files
//	snapshot, same    save and compare all bytes of the tree and the index; with .git,
//	                  everything that git has, without what regreen has there
//	redis             starts a Redis server, and sets $REDIS to its URL
//	report FILE       checks a report against the schema, and sets $RUN and $PATCH
//	                  to the IDs of the run and of its first patch
//	merged FILE WHOLE SHARD...
//	                  checks a merged report against its shards, and against a run
//	                  that searched everything
//
// $GIT and $PROGRAM are the paths of git and regreen. The conditions are
//
//	[new-git]   make setup installed a git that runs hooks from its configuration;
//	            $NEWGIT is its directory
//	[redis]     redis-server is installed
//	[pytest]    a Python has pytest; $PYTEST is the command
//	[node]      node has a test runner that writes JUnit XML
func TestScript(t *testing.T) {
	t.Parallel()
	params := scripts(t, "script")
	if testing.Short() {
		for _, name := range short {
			params.Files = append(params.Files, filepath.Join(params.Dir, name+".txtar"))
		}
		params.Dir = ""
	}
	testscript.Run(t, params)
}

// short are the scripts that go test -short runs: the main path of each kind of command.
var short = []string{
	"apply_rollback", "bad_usage", "detect", "fix_apply_always", "generic_status", "hook_pre_commit",
	"strategies",
}

// scripts returns the parameters for the scripts in a directory of testdata.
func scripts(t *testing.T, dir string) testscript.Params {
	t.Helper()
	goenv := goEnv(t)
	return testscript.Params{
		Dir:                 filepath.Join("testdata", dir),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, ".home")
			if err := os.MkdirAll(filepath.Join(home, "tmp"), 0o700); err != nil {
				return err
			}
			env.Vars = append(env.Vars, goenv...)
			env.Vars = append(env.Vars, isolatedEnv(home)...)
			for name, program := range map[string]string{"GIT": "git", "PROGRAM": "regreen"} {
				path, err := exec.LookPath(program)
				if err != nil {
					return err
				}
				env.Vars = append(env.Vars, name+"="+path)
			}
			env.Vars = append(env.Vars, "NEWGIT="+newGit(), "PYTEST="+pytest())
			env.Cd = filepath.Join(env.WorkDir, "m")
			return os.MkdirAll(env.Cd, 0o755)
		},
		Condition: func(name string) (bool, error) {
			var err error
			switch name {
			case "new-git":
				_, err = os.Stat(filepath.Join(newGit(), "git"))
			case "redis":
				_, err = exec.LookPath("redis-server")
			case "pytest":
				if pytest() == "" {
					err = exec.ErrNotFound
				}
			case "node":
				err = exec.Command("node", "--test", "--test-reporter=junit", os.DevNull).Run()
			default:
				return false, fmt.Errorf("unknown condition %s", name)
			}
			return err == nil, nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status": cmdStatus, "repo": cmdRepo, "snapshot": cmdSnapshot, "same": cmdSame, "report": cmdReport,
			"redis": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Setenv("REDIS", storetest.StartRedis(t).URL("script"))
			},
			"merged": cmdMerged,
		},
	}
}

// pytest returns the command that runs pytest, or "".
var pytest = sync.OnceValue(func() string {
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(python, "-m", "pytest", "--version").Run() == nil {
			return python + " -m pytest"
		}
	}
	return ""
})

// newGit returns the directory where scripts/setup.sh installs a newer git.
func newGit() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "regreen", "new-git", "bin")
}

// goEnv returns an environment with the machine's caches, so that the scripts do not build the
// standard library.
func goEnv(t *testing.T) []string {
	t.Helper()
	names := []string{"GOPATH", "GOCACHE", "GOMODCACHE"}
	out, err := exec.Command("go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	values := strings.Split(strings.TrimSpace(string(out)), "\n")
	vars := []string{"GOFLAGS=", "GOPROXY=off", "GOTOOLCHAIN=local", "GOWORK=", "CGO_ENABLED=0"}
	for i, name := range names {
		vars = append(vars, name+"="+values[i])
	}
	return vars
}

// isolatedEnv keeps the configuration of the user, and of the machine that the
// tests run on, out of the scripts.
func isolatedEnv(home string) []string {
	return []string{
		"HOME=" + home, "XDG_CONFIG_HOME=" + home, "TMPDIR=" + filepath.Join(home, "tmp"),
		"GIT_CONFIG_GLOBAL=" + filepath.Join(home, "gitconfig"), "GIT_CONFIG_NOSYSTEM=1", "GIT_CEILING_DIRECTORIES=" + filepath.Dir(filepath.Dir(home)),
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com",
		"LC_ALL=C", "TERM=dumb", "NO_COLOR=", "CI=", "REGREEN=",
		// With the race detector, a process sleeps for a second before it exits, to find late
		// races. The scripts start hundreds of processes.
		"GORACE=atexit_sleep_ms=0",
	}
}

func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N command...")
	}
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = fmt.Sprint(exit.ExitCode())
	}
	if got != args[0] {
		ts.Fatalf("%s: got exit status %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
	if strings.Contains(ts.ReadFile("stderr"), "goroutine ") {
		ts.Fatalf("%s shows a stack trace", strings.Join(args[1:], " "))
	}
}

func cmdRepo(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(".")
	if len(args) > 0 {
		dir = ts.MkAbs(args[0])
	}
	for _, words := range [][]string{
		{"init", "-q", "-b", "main", dir},
		{"-C", dir, "add", "-A"},
		{"-C", dir, "commit", "-q", "--no-verify", "--allow-empty", "-m", "begin"},
	} {
		ts.Check(ts.Exec("git", words...))
	}
}

// cmdSnapshot saves the tree and the index.
func cmdSnapshot(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs("../.home/snapshot"), treeBytes(ts, args), 0o600))
}

func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	before, err := os.ReadFile(ts.MkAbs("../.home/snapshot"))
	ts.Check(err)
	if same := bytes.Equal(before, treeBytes(ts, args)); same == neg {
		ts.Fatalf("tree and index are the same: %v", same)
	}
}

func treeBytes(ts *testscript.TestScript, args []string) []byte {
	b, err := fingerprint(ts.MkAbs("."))
	ts.Check(err)
	if len(args) == 0 {
		return b
	}
	dir := ts.MkAbs(args[0])
	more, err := fingerprint(dir, filepath.Join(dir, "regreen"))
	ts.Check(err)
	return append(b, more...)
}

// fingerprint returns a tree's files with their modes and contents, and the index.
func fingerprint(dir string, skip ...string) ([]byte, error) {
	var b bytes.Buffer
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case slices.Contains(skip, name):
			return filepath.SkipDir
		case d.IsDir() && d.Name() == ".git" && name != dir:
			index, _ := os.ReadFile(filepath.Join(name, "index"))
			fmt.Fprintf(&b, "index %q\n", index)
			return filepath.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %s", name, info.Mode())
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %q", content)
		}
		b.WriteByte('\n')
		return nil
	})
	return b.Bytes(), err
}

func cmdReport(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: report FILE")
	}
	text := ts.ReadFile(args[0])
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.ReportV1))
	ts.Check(err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	ts.Check(c.AddResource("report.v1.json", doc))
	s, err := c.Compile("report.v1.json")
	ts.Check(err)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	ts.Check(err)
	ts.Check(s.Validate(value))
	rep, err := report.Read([]byte(text))
	ts.Check(err)
	ts.Setenv("RUN", rep.ID)
	if len(rep.Patches) > 0 {
		ts.Setenv("PATCH", rep.Patches[0].ID)
	}
}

func cmdMerged(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: merged FILE WHOLE SHARD...")
	}
	reports := make([]*report.Report, len(args))
	for i, name := range args {
		rep, err := report.Read([]byte(ts.ReadFile(name)))
		ts.Check(err)
		reports[i] = rep
	}
	all, whole, shards := reports[0], reports[1], reports[2:]
	if len(all.Patches) == 0 || len(whole.Patches) == 0 || all.Patches[0].Diff != whole.Patches[0].Diff {
		ts.Fatalf("the best patches are %+v and %+v", all.Patches, whole.Patches)
	}
	if all.Verdict != whole.Verdict || all.Patches[0].Rank != 1 || all.Patches[0].State != report.PatchVerified {
		ts.Fatalf("got %s, want %s; %+v", all.Verdict, whole.Verdict, all.Patches[0])
	}
	by, attempts := make(map[string]int), 0
	for i, shard := range shards {
		attempts += len(shard.Attempts)
		for _, a := range shard.Attempts {
			if j, twice := by[a.Candidate]; twice && i != j {
				ts.Fatalf("shards %d and %d both tried %s in line %d", j+1, i+1, a.Candidate, a.Line)
			}
			by[a.Candidate] = i
		}
	}
	for _, a := range whole.Attempts {
		if _, tried := by[a.Candidate]; !tried {
			ts.Fatalf("no shard tried %s in line %d", a.Candidate, a.Line)
		}
	}
	if len(whole.Attempts) < len(shards) || len(all.Attempts) != attempts {
		ts.Fatalf("%d attempts in the merged ledger, %d in those of the shards, %d in the run that searched everything", len(all.Attempts), attempts, len(whole.Attempts))
	}
}
