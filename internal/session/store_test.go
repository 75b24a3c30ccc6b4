package session

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/learn/storetest"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// repository creates a repository, with a configuration and a remote if they are not "".
func repository(t *testing.T, config, remote string) string {
	t.Helper()
	dir := t.TempDir()
	commands := [][]string{{"init", "--quiet", dir}}
	if remote != "" {
		commands = append(commands, []string{"-C", dir, "remote", "add", "origin", remote})
	}
	for _, words := range commands {
		if out, err := exec.Command("git", words...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if config != "" {
		if err := os.WriteFile(filepath.Join(dir, ".regreen.yml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// ofFork returns the environment of a pull request from a fork.
func ofFork(t *testing.T) []string {
	t.Helper()
	payload := filepath.Join(t.TempDir(), "event.json")
	event := `{"number": 7, "pull_request": {"number": 7, "head": {"repo": {"full_name": "mallory/m", "fork": true}}, "base": {"repo": {"full_name": "owner/m"}}}}`
	if err := os.WriteFile(payload, []byte(event), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"GITHUB_ACTIONS=true", "CI=true", "GITHUB_EVENT_NAME=pull_request", "GITHUB_EVENT_PATH=" + payload, "GITHUB_REPOSITORY=owner/m"}
}

// TestSharedStore checks where outcomes are kept, depending on where the URL comes from, on the
// remote and on the event.
func TestSharedStore(t *testing.T) {
	t.Parallel()
	const address, shown = "redis://user:hunter2@cache.example.com/3", "redis://cache.example.com:6379/3"
	fork := ofFork(t)
	for _, tt := range []struct {
		name, config, remote, flag string
		environ                    []string
		want                       string // "" for the repository's own file
		why                        string
	}{
		{name: "none", remote: "https://github.com/a/b"},
		{name: "flag", flag: address, remote: "https://GitHub.com/a/b.git", want: shown + ", shared as github.com/a/b"},
		{name: "ssh is the same", flag: address, remote: "git@github.com:a/b.git", want: shown + ", shared as github.com/a/b"},
		{name: "file", config: "store: " + address, remote: "https://tok:en@host/x", want: shown + ", shared as host/x"},
		{name: "variable", environ: []string{"REGREEN_STORE=" + address}, config: "store: redis://elsewhere", remote: "https://host/x", want: shown + ", shared as host/x"},
		{name: "named", flag: address + "?namespace=n", remote: "https://host/x", want: shown + ", shared as n"},
		{name: "named without a remote", flag: address + "?namespace=n", want: shown + ", shared as n"},
		{name: "no remote", flag: address, why: "no remote"},
		{name: "local remote", flag: address, remote: "/srv/git/x", why: "no remote"},
		{name: "fork, file", config: "store: " + address, environ: fork, remote: "https://host/x", why: "fork"},
		{name: "fork, variable", environ: append([]string{"REGREEN_STORE=" + address}, fork...), remote: "https://host/x", why: "fork"},
		{name: "fork, flag", flag: address, environ: fork, remote: "https://host/x", why: "fork"},
		{name: "fork, nonsense", config: "store: redis://:hunter2/x@y", environ: fork, remote: "https://host/x", why: "fork"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(t.Context(), Input{
				Dir: repository(t, tt.config, tt.remote), Environ: append([]string{"PATH=" + os.Getenv("PATH")}, tt.environ...),
				Stderr: io.Discard, Flags: Flags{Store: tt.flag},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			text, err := s.StoreText(t.Context())
			if err != nil || strings.Contains(text, "hunter2") {
				t.Errorf("StoreText: %s, %v", text, err)
			}
			_, shared := s.Store.(*learn.Shared)
			switch {
			case tt.want != "" && (text != tt.want || !shared):
				t.Errorf("the store is %s, want %s", text, tt.want)
			case tt.want == "" && (shared || !strings.HasPrefix(text, filepath.Join(s.Repo.StateDir(), "learn.db"))):
				t.Errorf("the store is %s, want the repository's own", text)
			case !strings.Contains(s.StoreWhy, tt.why) || (tt.why == "") != (s.StoreWhy == ""):
				t.Errorf("StoreWhy is %q, want %q", s.StoreWhy, tt.why)
			}
			if _, ok := s.Store.(learn.Memory); !ok {
				t.Error("the store does not remember rejected candidates")
			}
		})
	}
}

func TestBadServer(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"redis://:hunter2/x@host", "redis://:hunter2@", "redis://hunter2@host", "unix://hunter2", "redis://h?hunter2=1", "redis://host/x/hunter2"} {
		_, err := Open(t.Context(), Input{
			Dir: repository(t, "", "https://host/"+strings.Repeat("x", 9)), Environ: []string{"PATH=" + os.Getenv("PATH")},
			Stderr: io.Discard, Flags: Flags{Store: address},
		})
		var usage *usererr.UsageError
		if !errors.As(err, &usage) || usage.Advice == "" || strings.Contains(usage.What+usage.Advice, "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
	}
	_, err := Open(t.Context(), Input{
		Dir: repository(t, "", "https://host/"+strings.Repeat("x", learn.MaxNamespace)), Environ: []string{"PATH=" + os.Getenv("PATH")},
		Stderr: io.Discard, Flags: Flags{Store: "redis://host"},
	})
	var usage *usererr.UsageError
	if !errors.As(err, &usage) || !strings.Contains(usage.Advice, "namespace=") {
		t.Errorf("a remote that is too long for a namespace: %v", err)
	}
}

// TestClonesLearnFromEachOther checks that two clones of a repository with different URLs share
// outcomes through a server.
func TestClonesLearnFromEachOther(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t)
	open := func(remote string) *Session {
		s, err := Open(t.Context(), Input{
			Dir: repository(t, "store: unix://"+server.Socket, remote), Environ: []string{"PATH=" + os.Getenv("PATH")}, Stderr: io.Discard,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	first, second, other := open("https://host/a/b"), open("ssh://git@host:22/a/b.git"), open("https://host/a/c")
	batch := learn.Batch{Outcomes: []learn.Outcome{{ID: "1", Strategy: "guard", Reward: 1, Weight: 1}}}
	if err := first.Store.Record(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	for s, want := range map[*Session]int{first: 1, second: 1, other: 0} {
		if got, err := s.Store.Posteriors(t.Context(), learn.Context{}); err != nil || len(got) != want {
			t.Errorf("%s knows %v, %v", s.Repo.Root(), got, err)
		}
	}
}
