package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"unicode"

	"github.com/regreen-ci/regreen/internal/usererr"
)

// cacheVersion separates regreen's caches from those of other actions with the same key: the
// services only find caches of the requested version.
var cacheVersion = func() string {
	sum := sha256.Sum256([]byte("regreen|one file|1"))
	return hex.EncodeToString(sum[:])
}()

// cacheService is one of the two services.
type cacheService interface {
	// find returns the newest cache of the first key that has any: one with exactly that
	// key, or else one that begins with it. The key is empty if there is no such cache.
	find(ctx context.Context, keys []string) (signed, key string, err error)
	// save saves a file.
	save(ctx context.Context, key string, file io.ReaderAt, size int64) error
}

// RestoreCache writes the newest cache of key to a file, or else the newest of the first
// prefix that has one, and returns the key that it found. Without any, it returns "" and
// does not touch the file. More than most bytes are ErrBroken.
//
// Caches are immutable and belong to the branch of the run that saved them. A run sees those
// of its own branch, of the base of its pull request, and of the default branch. So nobody
// else sees those of a pull request, and everybody sees those of the default branch. Any run
// on these branches can have saved what is found, so it may be hostile. Some services
// lower-case keys.
func (c *Client) RestoreCache(ctx context.Context, key string, prefixes []string, file string, most int64) (found string, err error) {
	found, err = c.restore(ctx, append([]string{key}, prefixes...), file, most)
	if err != nil {
		return "", c.explain(fmt.Sprintf("cannot restore the cache %q", key), err)
	}
	return found, nil
}

func (c *Client) restore(ctx context.Context, keys []string, name string, most int64) (string, error) {
	if err := c.needCache(keys...); err != nil {
		return "", err
	}
	signed, found, err := c.cache.find(ctx, keys)
	if err != nil || found == "" {
		return "", err
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", err
	}
	_, _, err = c.fetch(ctx, signed, file, most)
	if err := errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(name))
	}
	return found, nil
}

// SaveCache saves a file under a key. If this branch has a cache of that key, the error is
// ErrExists and the older one stays.
func (c *Client) SaveCache(ctx context.Context, key, file string) error {
	if err := c.saveCache(ctx, key, file); err != nil {
		return c.explain(fmt.Sprintf("cannot save the cache %q", key), err)
	}
	return nil
}

func (c *Client) saveCache(ctx context.Context, key, name string) error {
	if err := c.needCache(key); err != nil {
		return err
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return &usererr.Error{What: "the file is empty", Advice: "the service does not accept empty files"}
	}
	err = c.cache.save(ctx, key, file, info.Size())
	if exists(err) {
		return &usererr.Error{What: err.Error(), Advice: "a key can be used only once: add something unique to this run", Err: ErrExists}
	}
	return err
}

// needCache returns why the cache or a key cannot be used, or nil.
func (c *Client) needCache(keys ...string) error {
	if c.cache == nil {
		return fmt.Errorf("%w: ACTIONS_CACHE_SERVICE_V2 is set, but ACTIONS_RESULTS_URL is not", ErrNoRuntime)
	}
	if len(keys) > 10 {
		return &usererr.Error{What: fmt.Sprintf("%d keys are too many", len(keys)), Advice: "the service accepts at most 10"}
	}
	for _, key := range keys {
		if key == "" || len(key) > 512 || strings.Contains(key, ",") || strings.ContainsFunc(key, unicode.IsControl) {
			return &usererr.Error{What: fmt.Sprintf("invalid cache key %q", key), Advice: "use 1 to 512 bytes, without commas and control characters"}
		}
	}
	return nil
}

// cacheV2 is part of the results service, and stores files at Azure.
type cacheV2 struct{ c *Client }

const cacheServiceV2 = "CacheService"

func (s cacheV2) find(ctx context.Context, keys []string) (signed, key string, err error) {
	in := struct {
		Key     string   `json:"key"`
		Restore []string `json:"restore_keys,omitempty"`
		Version string   `json:"version"`
	}{keys[0], keys[1:], cacheVersion}
	var out struct {
		OK  bool   `json:"ok"`
		URL string `json:"signed_download_url"`
		Key string `json:"matched_key"`
	}
	if err := s.c.twirp(ctx, cacheServiceV2, "GetCacheEntryDownloadURL", in, &out); err != nil || !out.OK {
		return "", "", err
	}
	return out.URL, out.Key, nil
}

func (s cacheV2) save(ctx context.Context, key string, file io.ReaderAt, size int64) error {
	type entry struct {
		Key     string `json:"key"`
		Size    string `json:"size_bytes,omitempty"`
		Version string `json:"version"`
	}
	var out struct {
		OK      bool   `json:"ok"`
		URL     string `json:"signed_upload_url"`
		Message string `json:"message"`
	}
	refused := func() error { return fmt.Errorf("the service refused it: %q", s.c.clean(out.Message)) }
	if err := s.c.twirp(ctx, cacheServiceV2, "CreateCacheEntry", entry{Key: key, Version: cacheVersion}, &out); err != nil {
		return err
	}
	if !out.OK || out.URL == "" {
		return refused()
	}
	if err := s.c.store(ctx, out.URL, file, size); err != nil {
		return err
	}
	out.OK = false
	if err := s.c.twirp(ctx, cacheServiceV2, "FinalizeCacheEntryUpload", entry{key, fmt.Sprint(size), cacheVersion}, &out); err != nil {
		return err
	}
	if !out.OK {
		return refused()
	}
	return nil
}

// cacheV1 is the older service, of GitHub Enterprise Server and act. It stores the files
// itself.
type cacheV1 struct {
	c    *Client
	base string
}

const acceptV1 = "application/json;api-version=6.0-preview.1"

func (s cacheV1) find(ctx context.Context, keys []string) (location, key string, err error) {
	query := url.Values{"keys": {strings.Join(keys, ",")}, "version": {cacheVersion}}
	var out struct {
		Location string `json:"archive_location"`
		Key      string `json:"cache_key"`
	}
	if err := s.c.json(ctx, http.MethodGet, s.base+"cache?"+query.Encode(), acceptV1, nil, &out); err != nil || out.Location == "" {
		return "", "", err
	}
	return out.Location, out.Key, nil
}

func (s cacheV1) save(ctx context.Context, key string, file io.ReaderAt, size int64) error {
	reserve := struct {
		Key     string `json:"key"`
		Version string `json:"version"`
		Size    int64  `json:"cacheSize"`
	}{key, cacheVersion, size}
	var out struct {
		ID json.Number `json:"cache_id"`
	}
	if err := s.c.json(ctx, http.MethodPost, s.base+"caches", acceptV1, reserve, &out); err != nil {
		return err
	}
	id, err := out.ID.Int64()
	if err != nil {
		return errors.New("the service refused it without a reason")
	}
	entry := s.base + fmt.Sprint("caches/", id)
	for at := int64(0); at < size; at += s.c.block {
		block := make([]byte, min(s.c.block, size-at))
		if _, err := file.ReadAt(block, at); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		header := map[string]string{
			"Accept": acceptV1, "Content-Type": "application/octet-stream",
			"Content-Range": fmt.Sprintf("bytes %d-%d/*", at, at+int64(len(block))-1),
		}
		patch := request{method: http.MethodPatch, url: entry, header: header, body: block, trusted: true, timeout: transferTime}
		if err := s.c.do(ctx, patch, func(*http.Response) error { return nil }); err != nil {
			return err
		}
	}
	commit := struct {
		Size int64 `json:"size"`
	}{size}
	return s.c.json(ctx, http.MethodPost, entry, acceptV1, commit, nil)
}
