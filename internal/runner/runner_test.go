package runner

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/runner/runnertest"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// waits records how long a client would have waited.
type waits struct{ took []time.Duration }

func (w *waits) sleep(ctx context.Context, d time.Duration) error {
	w.took = append(w.took, d)
	return ctx.Err()
}

// block is how many bytes of a file one request has in tests.
const block = 1 << 14

func client(t *testing.T, environ map[string]string) (*Client, *waits) {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := New(runnertest.Getenv(environ), &http.Client{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	w := &waits{}
	c.sleep, c.block = w.sleep, block
	return c, w
}

// makeDir creates a directory with files.
func makeDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), text)
	}
	return dir
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// contents returns the files in a directory. The test fails if there is anything other than
// files and directories.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if !entry.Type().IsRegular() {
			return fmt.Errorf("%s is not a regular file", name)
		}
		text, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		files[filepath.ToSlash(rel)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// checkMissing checks that no file name begins with name.
func checkMissing(t *testing.T, name string) {
	t.Helper()
	left, _ := filepath.Glob(name + "*")
	if len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

func TestNewSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		environ map[string]string
		want    string
	}{
		{"a run step", map[string]string{"ACTIONS_RESULTS_URL": "https://results"}, "ACTIONS_RUNTIME_TOKEN is not set"},
		{"no services", map[string]string{"ACTIONS_RUNTIME_TOKEN": "secret"}, "neither ACTIONS_RESULTS_URL nor ACTIONS_CACHE_URL is set"},
		{"not a URL", map[string]string{"ACTIONS_RUNTIME_TOKEN": "secret", "ACTIONS_RESULTS_URL": "://secret"}, "ACTIONS_RESULTS_URL is not a valid URL"},
		{"a file", map[string]string{"ACTIONS_RUNTIME_TOKEN": "secret", "ACTIONS_CACHE_URL": "file:///secret"}, "ACTIONS_CACHE_URL is not a valid URL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := New(runnertest.Getenv(c.environ), nil)
			if !errors.Is(err, ErrNoRuntime) || !strings.Contains(err.Error(), c.want) || usererr.Hint(err) == "" {
				t.Errorf("got error %v, want %q", err, c.want)
			}
			if strings.Contains(usererr.OneLine(err), "secret") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

// TestServicesByEnvironment checks which service a client asks for a cache.
func TestServicesByEnvironment(t *testing.T) {
	t.Parallel()
	with := func(environ map[string]string, more ...string) map[string]string {
		for i := 0; i < len(more); i += 2 {
			environ[more[i]] = more[i+1]
		}
		return environ
	}
	server := runnertest.New(t)
	for _, c := range []struct {
		name    string
		environ map[string]string
		want    string // the call; "" for ErrNoRuntime
	}{
		{"github.com", server.Environ(), "GetCacheEntryDownloadURL"},
		{"data residency", with(server.Environ(), "GITHUB_SERVER_URL", "https://octo.ghe.com"), "GetCacheEntryDownloadURL"},
		{"the older service", server.Older(), "GET caches"},
		{"without a slash", with(server.Older(), "ACTIONS_CACHE_URL", strings.TrimSuffix(server.Older()["ACTIONS_CACHE_URL"], "/")), "GET caches"},
		{"enterprise server", with(server.Environ(), "GITHUB_SERVER_URL", "https://github.example.com"), "GET caches"},
		{"only the older service", with(server.Older(), "ACTIONS_RESULTS_URL", ""), "GET caches"},
		{"the newer service without a URL", with(server.Environ(), "ACTIONS_RESULTS_URL", ""), ""},
	} {
		t.Run(c.name, func(t *testing.T) { // not parallel: they share the list of calls
			client, _ := client(t, c.environ)
			before := len(server.Calls())
			_, err := client.RestoreCache(t.Context(), "key", nil, filepath.Join(t.TempDir(), "file"), 1)
			if c.want == "" {
				if !errors.Is(err, ErrNoRuntime) {
					t.Errorf("got error %v, want %v", err, ErrNoRuntime)
				}
				return
			}
			if calls := server.Calls()[before:]; err != nil || !slices.Equal(calls, []string{c.want}) {
				t.Errorf("called %q (%v), want %q", calls, err, c.want)
			}
		})
	}
}

// claims returns a token with a payload.
func claims(payload string) string {
	return "header." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".signature"
}

func TestArtifactsNeedRunAndJob(t *testing.T) {
	t.Parallel()
	server := runnertest.New(t)
	for _, token := range []string{"opaque", "a.b.c", claims(`{}`), claims(`{"scp":"Actions.Results:run"}`), claims(`{"scp":"Actions.Other:run:job"}`), claims(`{"scp":1}`)} {
		environ := server.Environ()
		environ["ACTIONS_RUNTIME_TOKEN"] = token
		c, _ := client(t, environ)
		if _, err := c.Artifacts(t.Context()); !errors.Is(err, ErrNoRuntime) {
			t.Errorf("token %s: got error %v, want %v", token, err, ErrNoRuntime)
		}
		if _, err := c.Upload(t.Context(), "name", makeDir(t, map[string]string{"a": ""}), UploadOptions{}); !errors.Is(err, ErrNoRuntime) {
			t.Errorf("token %s: got error %v, want %v", token, err, ErrNoRuntime)
		}
	}
	if calls := server.Calls(); len(calls) > 0 {
		t.Errorf("called %q", calls)
	}
}

// TestRetries makes calls fail temporarily and permanently, and checks which are retried.
func TestRetries(t *testing.T) {
	t.Parallel()
	drop := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	half := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("half"))
	}
	later := func(seconds string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", seconds)
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}
	for _, c := range []struct {
		name, method string
		responses    []func(http.ResponseWriter)
		waits        int
		least        time.Duration
		fails        bool
	}{
		{name: "a call", method: "CreateArtifact", responses: []func(http.ResponseWriter){runnertest.Status(500), runnertest.Status(503)}, waits: 2},
		{name: "a lost connection", method: "ListArtifacts", responses: []func(http.ResponseWriter){drop, drop, drop}, waits: 3},
		{name: "a block", method: "PUT blob", responses: []func(http.ResponseWriter){runnertest.Status(503), drop}, waits: 2},
		{name: "half a file", method: "GET blob", responses: []func(http.ResponseWriter){half, half}, waits: 2},
		{name: "half a response", method: "ListArtifacts", responses: []func(http.ResponseWriter){half}, waits: 1},
		{name: "as long as asked", method: "ListArtifacts", responses: []func(http.ResponseWriter){later("7")}, waits: 1, least: 7 * time.Second},
		{name: "too long to wait", method: "ListArtifacts", responses: []func(http.ResponseWriter){later("3600")}, fails: true},
		{name: "a refusal", method: "CreateArtifact", responses: []func(http.ResponseWriter){runnertest.Status(403)}, fails: true},
		{name: "no such thing", method: "GetSignedArtifactURL", responses: []func(http.ResponseWriter){runnertest.Status(404)}, fails: true},
		{name: "status 501", method: "ListArtifacts", responses: []func(http.ResponseWriter){runnertest.Status(501)}, fails: true},
		{name: "out of order", method: "ListArtifacts", responses: slices.Repeat([]func(http.ResponseWriter){runnertest.Status(502)}, tries), waits: tries - 1, fails: true},
		{name: "HTML as the response", method: "ListArtifacts", responses: []func(http.ResponseWriter){func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>")) }}, fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := runnertest.New(t)
			client, waits := client(t, server.Environ())
			server.Refuse(c.method, c.responses...)
			err := roundTrip(t, client)
			if (err != nil) != c.fails || len(waits.took) != c.waits {
				t.Errorf("got error %v after %d waits, want an error: %v, after %d", err, len(waits.took), c.fails, c.waits)
			}
			for i, took := range waits.took {
				if least := max(c.least, firstPause<<i/2); took < least || took > max(c.least, firstPause<<i) {
					t.Errorf("wait %d took %s, want %s or a little more", i, took, least)
				}
			}
		})
	}
}

// roundTrip uploads, lists and downloads an artifact.
func roundTrip(t *testing.T, c *Client) error {
	t.Helper()
	if _, err := c.Upload(t.Context(), "report", makeDir(t, map[string]string{"a": "text"}), UploadOptions{}); err != nil {
		return err
	}
	list, err := c.Artifacts(t.Context())
	if err != nil {
		return err
	}
	dir := filepath.Join(t.TempDir(), "new")
	if err := c.Download(t.Context(), list[0], dir, Limits{}); err != nil {
		return err
	}
	if got := contents(t, dir); got["a"] != "text" {
		t.Errorf("unpacked %q", got)
	}
	return nil
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	server := runnertest.New(t)
	c, waits := client(t, server.Environ())
	ctx, cancel := context.WithCancel(t.Context())
	server.Refuse("ListArtifacts", func(w http.ResponseWriter) {
		cancel()
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if _, err := c.Artifacts(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	if len(waits.took) > 0 {
		t.Error("the client waited to try again")
	}
}

// TestErrorsHideSecrets makes every call fail with a response that quotes the token,
// redirects to another server, or has a URL that cannot be used.
func TestErrorsHideSecrets(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("request to another server: %s %s %v", r.Method, r.URL, r.Header)
	}))
	t.Cleanup(other.Close)
	faults := map[string]func(http.ResponseWriter){
		"echo": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"code":"malformed","msg":"no Bearer %s\n::error::no"}`, runnertest.Token)
		},
		"redirect": func(w http.ResponseWriter) {
			w.Header().Set("Location", other.URL+"/?sig=secret")
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		"unreachable": func(w http.ResponseWriter) {
			const url = "http://127.0.0.1:1/?sig=secret"
			_, _ = fmt.Fprintf(w, `{"ok":true,"signed_url":%[1]q,"signed_upload_url":%[1]q,"signed_download_url":%[1]q,"matched_key":"k","archiveLocation":%[1]q,"cacheKey":"k"}`, url)
		},
		"invalid URL": func(w http.ResponseWriter) {
			const url = "http://secret\x7f/?sig=secret"
			_, _ = fmt.Fprintf(w, `{"ok":true,"signed_url":%[1]q,"signed_upload_url":%[1]q,"signed_download_url":%[1]q,"matched_key":"k","archiveLocation":%[1]q,"cacheKey":"k"}`, url)
		},
		"long": func(w http.ResponseWriter) { _, _ = w.Write([]byte(strings.Repeat(" ", maxResponse+1) + "{}")) },
	}
	type call = func(*testing.T, *Client) error
	upload := func(t *testing.T, c *Client) error {
		_, err := c.Upload(t.Context(), "report", makeDir(t, map[string]string{"a": "text"}), UploadOptions{})
		return err
	}
	download := func(t *testing.T, c *Client) error {
		return c.Download(t.Context(), Artifact{Name: "other", owner: owner{runnertest.Run, "another-job"}}, filepath.Join(t.TempDir(), "new"), Limits{})
	}
	restore := func(t *testing.T, c *Client) error {
		_, err := c.RestoreCache(t.Context(), "key", nil, filepath.Join(t.TempDir(), "file"), 1000)
		return err
	}
	save := func(t *testing.T, c *Client) error {
		return c.SaveCache(t.Context(), "new key", filepath.Join(makeDir(t, map[string]string{"a": "text"}), "a"))
	}
	list := func(t *testing.T, c *Client) error {
		_, err := c.Artifacts(t.Context())
		return err
	}
	for method, call := range map[string]call{
		"CreateArtifact": upload, "PUT blob": upload, "FinalizeArtifact": upload, "ListArtifacts": list, "GetSignedArtifactURL": download, "GET blob": download,
		"GetCacheEntryDownloadURL": restore, "CreateCacheEntry": save, "FinalizeCacheEntryUpload": save, "GET caches": restore, "POST caches": save, "PATCH caches": save,
	} {
		for name, fault := range faults {
			if (strings.Contains(method, "blob") || method == "PATCH caches") && (name == "unreachable" || name == "invalid URL" || name == "long") {
				continue // the response is not read
			}
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				server := runnertest.New(t)
				environ := server.Environ()
				if strings.Contains(method, "caches") {
					environ = server.Older()
				}
				c, _ := client(t, environ)
				server.Add("other", archive(t, entry{name: "a"}))
				server.Refuse(method, fault)
				err := call(t, c)
				switch {
				case err == nil && (name == "unreachable" || name == "invalid URL" || name == "long"):
					return // the call does not need a URL or a response
				case err == nil:
					t.Fatal("no error")
				}
				text := err.Error()
				for at := err; at != nil; at = errors.Unwrap(at) {
					text += fmt.Sprintf("%v %+v", at, at)
				}
				if strings.Contains(text, "sig=") || strings.Contains(text, "secret") || strings.Contains(text, runnertest.Token) {
					t.Errorf("the error shows a secret: %s", text)
				}
				if strings.Contains(text, "\n::") {
					t.Errorf("the error contains a command for the runner: %s", text)
				}
				if name == "long" && !strings.Contains(text, "too long") {
					t.Errorf("the error does not say that the response is too long: %s", text)
				}
				if name == "echo" && !strings.Contains(text, "***") {
					t.Errorf("the error does not quote the server: %s", text)
				}
			})
		}
	}
}
