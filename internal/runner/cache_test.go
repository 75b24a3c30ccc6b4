package runner

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/runner/runnertest"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// eachCache runs a test with each of the two services.
func eachCache(t *testing.T, test func(*testing.T, *runnertest.Server, *Client)) {
	t.Helper()
	for name, environ := range map[string]func(*runnertest.Server) map[string]string{
		"newer": (*runnertest.Server).Environ, "older": (*runnertest.Server).Older,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := runnertest.New(t)
			c, _ := client(t, environ(server))
			test(t, server, c)
		})
	}
}

func save(t *testing.T, c *Client, key, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, text)
	if err := c.SaveCache(t.Context(), key, file); err != nil {
		t.Fatal(err)
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	eachCache(t, func(t *testing.T, server *runnertest.Server, c *Client) {
		save(t, c, "state-1", "first")
		save(t, c, "state-2", "second")
		save(t, c, "sums-1", "sums")
		large := noise(2*block + 1234)
		save(t, c, "large", large)
		for _, r := range []struct {
			key      string
			prefixes []string
			want     string
			text     string
		}{
			{"state-1", nil, "state-1", "first"},
			{"state-", nil, "state-2", "second"},
			{"state-9", []string{"state-"}, "state-2", "second"},
			{"none", []string{"sums-", "state-"}, "sums-1", "sums"},
			{"none", []string{"none"}, "", ""},
			{"a key with spaces & signs?", []string{"sums-1"}, "sums-1", "sums"},
			{"large", nil, "large", large},
		} {
			file := filepath.Join(t.TempDir(), "file")
			if r.want != "" {
				write(t, file, "the longer old content of the file")
			}
			found, err := c.RestoreCache(t.Context(), r.key, r.prefixes, file, 3*block)
			if err != nil || found != r.want {
				t.Errorf("%q %q: found %q, %v, want %q", r.key, r.prefixes, found, err, r.want)
			}
			if r.want == "" {
				checkMissing(t, file)
				continue
			}
			if text, err := os.ReadFile(file); err != nil || string(text) != r.text {
				t.Errorf("%q %q: the file has %d bytes, want %d, %v", r.key, r.prefixes, len(text), len(r.text), err)
			}
		}
		if kept := server.Caches(); len(kept) != 4 || slices.ContainsFunc(kept, func(k runnertest.Cache) bool { return k.Version != kept[0].Version }) {
			t.Errorf("the caches have different versions")
		}
	})
}

func TestCacheExists(t *testing.T) {
	t.Parallel()
	eachCache(t, func(t *testing.T, server *runnertest.Server, c *Client) {
		save(t, c, "key", "first")
		file := filepath.Join(t.TempDir(), "file")
		write(t, file, "second")
		if err := c.SaveCache(t.Context(), "key", file); !errors.Is(err, ErrExists) || usererr.Hint(err) == "" {
			t.Errorf("got error %v, want %v with a hint", err, ErrExists)
		}
		if kept := server.Caches(); len(kept) != 1 || string(kept[0].Data) != "first" {
			t.Errorf("caches on the server: %+v", kept)
		}
	})
}

func TestCacheTooLong(t *testing.T) {
	t.Parallel()
	eachCache(t, func(t *testing.T, _ *runnertest.Server, c *Client) {
		save(t, c, "key", "12345678")
		file := filepath.Join(t.TempDir(), "file")
		if _, err := c.RestoreCache(t.Context(), "key", nil, file, 8); err != nil {
			t.Error(err)
		}
		if _, err := c.RestoreCache(t.Context(), "key", nil, file, 7); !errors.Is(err, ErrBroken) {
			t.Errorf("got error %v, want %v", err, ErrBroken)
		}
		checkMissing(t, file)
	})
}

func TestCacheRefuses(t *testing.T) {
	t.Parallel()
	eachCache(t, func(t *testing.T, server *runnertest.Server, c *Client) {
		dir := makeDir(t, map[string]string{"a": "text", "empty": ""})
		for _, s := range []struct{ key, file, want string }{
			{"", "a", "invalid cache key"},
			{"a,b", "a", "invalid cache key"},
			{"a\nb", "a", "invalid cache key"},
			{strings.Repeat("a", 513), "a", "invalid cache key"},
			{"key", "none", "no such file"},
			{"key", "empty", "the file is empty"},
		} {
			if err := c.SaveCache(t.Context(), s.key, filepath.Join(dir, s.file)); err == nil || !strings.Contains(err.Error(), s.want) {
				t.Errorf("%q: got error %v, want %q", s.key, err, s.want)
			}
		}
		to := filepath.Join(t.TempDir(), "file")
		if _, err := c.RestoreCache(t.Context(), "key", []string{"a,b"}, to, 1); err == nil {
			t.Error("a prefix with a comma was accepted")
		}
		if _, err := c.RestoreCache(t.Context(), "key", slices.Repeat([]string{"a"}, 10), to, 1); err == nil {
			t.Error("11 keys were accepted")
		}
		if calls := server.Calls(); len(calls) > 0 {
			t.Errorf("called %q", calls)
		}
	})
}
