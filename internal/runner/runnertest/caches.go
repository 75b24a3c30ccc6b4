package runnertest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// lookup finds a cache like GitHub: the newest one of the first key that has any.
func (s *Server) lookup(keys []string, version string) *Cache {
	for _, key := range keys {
		for _, c := range slices.Backward(s.caches) {
			if c.Final && c.Version == version && c.Key == key {
				return c
			}
		}
		for _, c := range slices.Backward(s.caches) {
			if c.Final && c.Version == version && strings.HasPrefix(c.Key, key) {
				return c
			}
		}
	}
	return nil
}

func (s *Server) newCache(key, version string) *Cache {
	if key == "" || len(key) > 512 || strings.Contains(key, ",") || len(version) != 64 {
		s.t.Errorf("invalid key %q or version %q of a cache", key, version)
	}
	if slices.ContainsFunc(s.caches, func(c *Cache) bool { return c.Key == key && c.Version == version }) {
		return nil
	}
	c := &Cache{ID: s.id(), Key: key, Version: version, blob: s.newBlob(nil)}
	s.caches = append(s.caches, c)
	return c
}

func (s *Server) createCache(w http.ResponseWriter, r *http.Request) {
	var in struct{ Key, Version string }
	if !s.read(w, r, &in) {
		return
	}
	c := s.newCache(in.Key, in.Version)
	if c == nil {
		twirpError(w, http.StatusConflict, "already_exists", "cache entry with the same key, version, and scope already exists")
		return
	}
	s.respond(w, fields{"ok": true, "signed_upload_url": s.signed(c.blob)})
}

func (s *Server) finalizeCache(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Key     string `json:"key"`
		Version string `json:"version"`
		Size    string `json:"size_bytes"`
	}
	if !s.read(w, r, &in) {
		return
	}
	for _, c := range s.caches {
		if c.Key != in.Key || c.Version != in.Version || c.Final {
			continue
		}
		blob := s.blobs[c.blob]
		if !blob.committed || in.Size != fmt.Sprint(len(blob.data)) {
			s.t.Errorf("size differs from the uploaded cache: %+v", in)
		}
		c.Data, c.Final = blob.data, true
		s.respond(w, fields{"ok": true, "entry_id": fmt.Sprint(c.ID)})
		return
	}
	s.respond(w, fields{"ok": false, "message": "no such entry"})
}

func (s *Server) cacheURL(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Key     string   `json:"key"`
		Restore []string `json:"restore_keys"`
		Version string   `json:"version"`
	}
	if !s.read(w, r, &in) {
		return
	}
	c := s.lookup(append([]string{in.Key}, in.Restore...), in.Version)
	if c == nil {
		s.respond(w, fields{"ok": false})
		return
	}
	s.respond(w, fields{"ok": true, "matched_key": c.Key, "signed_download_url": s.signed(c.blob)})
}

// older checks that a request asks for the right version of the API.
func (s *Server) older(r *http.Request) {
	if accept := r.Header.Get("Accept"); accept != "application/json;api-version=6.0-preview.1" {
		s.t.Errorf("%s %s accepts %q", r.Method, r.URL.Path, accept)
	}
}

func (s *Server) find(w http.ResponseWriter, r *http.Request) {
	s.older(r)
	query := r.URL.Query()
	c := s.lookup(strings.Split(query.Get("keys"), ","), query.Get("version"))
	if c == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	writeJSON(w, fields{"result": "hit", "cacheKey": c.Key, "archiveLocation": s.signed(c.blob)})
}

func (s *Server) reserve(w http.ResponseWriter, r *http.Request) {
	s.older(r)
	var in struct {
		Key     string `json:"key"`
		Version string `json:"version"`
		Size    int64  `json:"cacheSize"`
	}
	if !s.read(w, r, &in) {
		return
	}
	c := s.newCache(in.Key, in.Version)
	if c == nil {
		w.WriteHeader(http.StatusConflict)
		writeJSON(w, fields{"typeKey": "ArtifactCacheItemAlreadyExistsException", "message": "Cache already exists."})
		return
	}
	c.size = in.Size
	writeJSON(w, fields{"cacheId": c.ID})
}

func writeJSON(w http.ResponseWriter, out any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(out)
}

func (s *Server) entry(w http.ResponseWriter, r *http.Request) *Cache {
	s.older(r)
	for _, c := range s.caches {
		if r.PathValue("id") == fmt.Sprint(c.ID) && !c.Final {
			return c
		}
	}
	w.WriteHeader(http.StatusBadRequest)
	return nil
}

func (s *Server) patch(w http.ResponseWriter, r *http.Request) {
	c := s.entry(w, r)
	if c == nil {
		return
	}
	body, err := io.ReadAll(r.Body)
	want := fmt.Sprintf("bytes %d-%d/*", len(c.Data), len(c.Data)+len(body)-1)
	if got := r.Header.Get("Content-Range"); err != nil || got != want || len(body) > 32<<20 {
		s.t.Errorf("range of a part: got %q, want %q: %v", got, want, err)
	}
	c.Data = append(c.Data, body...)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) commit(w http.ResponseWriter, r *http.Request) {
	var in struct{ Size int64 }
	c := s.entry(w, r)
	if c == nil || !s.read(w, r, &in) {
		return
	}
	if in.Size != int64(len(c.Data)) || in.Size != c.size {
		s.t.Errorf("a cache of %d bytes was reserved with %d and committed with %d", len(c.Data), c.size, in.Size)
	}
	c.Final, s.blobs[c.blob].data = true, c.Data
	w.WriteHeader(http.StatusNoContent)
}
