package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/runner/runnertest"
	"github.com/regreen-ci/regreen/internal/usererr"
)

func TestArtifact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		camel, noDigest bool
	}{{"like GitHub", false, false}, {"like act", true, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := runnertest.New(t)
			server.Camel, server.NoDigests = c.camel, c.noDigest
			client, _ := client(t, server.Environ())
			files := map[string]string{"report.json": "{}", "html/index.html": "<p>", "html/empty": "", "ein Käse.txt": "ä"}
			dir := makeDir(t, files)
			link(t, "report.json", filepath.Join(dir, "link"))
			link(t, t.TempDir(), filepath.Join(dir, "html", "elsewhere"))

			made, err := client.Upload(t.Context(), "regreen report", dir, UploadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			kept := server.Artifacts()
			if len(kept) != 1 || kept[0].Name != "regreen report" || !kept[0].ExpiresAt.IsZero() {
				t.Fatalf("artifacts on the server: %+v", kept)
			}
			sum := sha256.Sum256(kept[0].Zip)
			if made.ID != kept[0].ID || made.Size != int64(len(kept[0].Zip)) || made.Digest != "sha256:"+hex.EncodeToString(sum[:]) {
				t.Errorf("got %+v, but the server has %+v", made, kept[0])
			}
			list, err := client.Artifacts(t.Context())
			if err != nil || len(list) != 1 {
				t.Fatalf("listed: %+v, %v", list, err)
			}
			if got := list[0]; got.ID != made.ID || got.Size != made.Size || got.Name != made.Name || got.Created.IsZero() || (got.Digest == "") != c.noDigest {
				t.Errorf("listed %+v, uploaded %+v", got, made)
			}
			for i, a := range []Artifact{made, list[0]} {
				to := filepath.Join(t.TempDir(), "new")
				if err := client.Download(t.Context(), a, to, Limits{}); err != nil {
					t.Fatal(i, err)
				}
				if got := contents(t, to); !maps.Equal(got, files) {
					t.Errorf("unpacked %q, want %q", got, files)
				}
			}
		})
	}
}

func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
}

func TestUploadReplaces(t *testing.T) {
	t.Parallel()
	server := runnertest.New(t)
	c, _ := client(t, server.Environ())
	server.Add("report", archive(t, entry{name: "of another job"}))
	server.Add("another", archive(t, entry{name: "a"}))
	files := makeDir(t, map[string]string{"a": "first"})
	if _, err := c.Upload(t.Context(), "report", files, UploadOptions{}); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "another job") {
		t.Errorf("replaced an artifact of another job: %v", err)
	}
	for _, opt := range []UploadOptions{{Replace: true}, {}} { // the second replaces this job's own
		if _, err := c.Upload(t.Context(), "report", files, opt); err != nil {
			t.Fatal(err)
		}
		files = makeDir(t, map[string]string{"a": "second"})
	}
	list, err := c.Artifacts(t.Context())
	if err != nil || len(list) != 2 || list[0].Name != "another" || list[1].Name != "report" {
		t.Fatalf("listed: %+v, %v", list, err)
	}
	to := filepath.Join(t.TempDir(), "new")
	if err := c.Download(t.Context(), list[1], to, Limits{}); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, to); len(got) != 1 || got["a"] != "second" {
		t.Errorf("unpacked %q", got)
	}
}

// TestUploadThatNobodyCanReplace simulates another job that uploads the artifact again after
// it was deleted.
func TestUploadThatNobodyCanReplace(t *testing.T) {
	t.Parallel()
	server := runnertest.New(t)
	c, _ := client(t, server.Environ())
	server.Refuse("CreateArtifact", runnertest.Status(409), runnertest.Status(409))
	_, err := c.Upload(t.Context(), "report", makeDir(t, map[string]string{"a": ""}), UploadOptions{})
	if !errors.Is(err, ErrExists) || usererr.Hint(err) == "" {
		t.Errorf("got error %v, want %v with a hint", err, ErrExists)
	}
}

func TestNewestArtifactOfAName(t *testing.T) {
	t.Parallel()
	server := runnertest.New(t)
	c, _ := client(t, server.Environ())
	for range 3 {
		server.Add("b", archive(t, entry{name: "a"}))
	}
	server.Add("a", archive(t, entry{name: "a"}))
	list, err := c.Artifacts(t.Context())
	kept := server.Artifacts()
	if err != nil || len(list) != 2 || list[0].ID != kept[3].ID || list[1].ID != kept[2].ID {
		t.Errorf("listed: %+v, %v", list, err)
	}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		repository string
		days, want int
	}{{"", 0, 0}, {"90", 0, 0}, {"", 5, 5}, {"90", 5, 5}, {"3", 5, 3}, {"never", 5, 5}} {
		server := runnertest.New(t)
		environ := server.Environ()
		environ["GITHUB_RETENTION_DAYS"] = c.repository
		client, _ := client(t, environ)
		if _, err := client.Upload(t.Context(), "report", makeDir(t, map[string]string{"a": ""}), UploadOptions{RetentionDays: c.days}); err != nil {
			t.Fatal(err)
		}
		end := server.Artifacts()[0].ExpiresAt
		if c.want == 0 && !end.IsZero() || c.want != 0 && time.Until(end).Round(24*time.Hour) != time.Duration(c.want)*24*time.Hour {
			t.Errorf("%+v: expires %s", c, end)
		}
	}
}

func TestUploadRefuses(t *testing.T) {
	t.Parallel()
	server := runnertest.New(t)
	c, _ := client(t, server.Environ())
	good := makeDir(t, map[string]string{"a": ""})
	links := t.TempDir()
	link(t, filepath.Join(good, "a"), filepath.Join(links, "a"))
	for _, u := range []struct{ name, dir, want string }{
		{"", good, "invalid artifact name"},
		{"a/b", good, "invalid artifact name"},
		{`a\b`, good, "invalid artifact name"},
		{"a:b", good, "invalid artifact name"},
		{"a\nb", good, "invalid artifact name"},
		{strings.Repeat("a", 256), good, "invalid artifact name"},
		{"report", t.TempDir(), "no files in"},
		{"report", links, "no files in"},
		{"report", makeDir(t, map[string]string{"aux.txt": ""}), "not portable"},
		{"report", filepath.Join(good, "none"), "no such file"},
	} {
		_, err := c.Upload(t.Context(), u.name, u.dir, UploadOptions{})
		if err == nil || !strings.Contains(err.Error(), u.want) {
			t.Errorf("%q of %s: got error %v, want %q", u.name, u.dir, err, u.want)
		}
	}
	if calls := server.Calls(); len(calls) > 0 {
		t.Errorf("called %q", calls)
	}
}

func TestUploadInBlocks(t *testing.T) {
	t.Parallel()
	server := runnertest.New(t)
	c, _ := client(t, server.Environ())
	text := noise(2*block + 1234)
	if _, err := c.Upload(t.Context(), "large", makeDir(t, map[string]string{"a": text}), UploadOptions{}); err != nil {
		t.Fatal(err)
	}
	if calls := server.Calls(); !slices.Equal(calls, []string{"CreateArtifact", "PUT blob", "PUT blob", "PUT blob", "PUT blob", "FinalizeArtifact"}) {
		t.Errorf("called %q", calls)
	}
	list, err := c.Artifacts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "new")
	if err := c.Download(t.Context(), list[0], to, Limits{}); err != nil {
		t.Fatal(err)
	}
	if contents(t, to)["a"] != text {
		t.Error("the downloaded file differs")
	}
	to = filepath.Join(t.TempDir(), "new")
	if err := c.Download(t.Context(), list[0], to, Limits{Files: 1, Total: 1000}); !errors.Is(err, ErrBroken) {
		t.Errorf("got error %v, want %v", err, ErrBroken)
	}
	checkMissing(t, to)
}

// noise returns text that cannot be compressed.
func noise(n int) string {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data)
	return string(data)
}

func TestDownloadChecksDigest(t *testing.T) {
	t.Parallel()
	server := runnertest.New(t)
	c, _ := client(t, server.Environ())
	server.Add("report", archive(t, entry{name: "a", text: "original"}))
	server.Replace("report", archive(t, entry{name: "a", text: "changed"}))
	list, err := c.Artifacts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "new")
	if err := c.Download(t.Context(), list[0], to, Limits{}); !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("got error %v, want %v", err, ErrBroken)
	}
	checkMissing(t, to)
}
