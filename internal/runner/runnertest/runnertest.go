// Package runnertest is the services that GitHub's runner offers to a step, for tests:
// artifacts, both cache services, and the storage that signed URLs lead to. What the
// published clients of GitHub would not send fails the test, and so does the runtime
// token anywhere but at the service.
//
// Not a goal: what nobody here asks for, such as caches of other branches.
package runnertest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the results service calls the run and the job of the token.
const (
	Run = "ce7f54c7-61c7-4aae-887f-30da475f5f1a"
	Job = "ca395085-040a-526b-2ce8-bdc85f692774"
)

// Token is the runtime token. It looks like GitHub's, and is signed by nobody.
var Token = strings.Join([]string{
	base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"RS256"}`)),
	base64.RawURLEncoding.EncodeToString([]byte(`{"scp":"Actions.ExampleScope Actions.Results:` + Run + `:` + Job + `","nbf":1}`)),
	"c2VjcmV0LXNpZ25hdHVyZQ",
}, ".")

// Server is the running services. Its exported fields may be set before the first request.
type Server struct {
	// Camel has the answers in camelCase, as act's, and int64 as numbers.
	Camel bool
	// Blind gives no digests.
	Blind bool

	t       testing.TB
	service *httptest.Server
	storage *httptest.Server

	mu        sync.Mutex
	artifacts []*Artifact
	caches    []*Cache
	blobs     map[string]*blob // by the name in their URL
	refusals  map[string][]func(http.ResponseWriter)
	calls     []string
	last      int64
}

// Artifact is one that a run has.
type Artifact struct {
	ID        int64
	Run, Job  string
	Name      string
	ExpiresAt time.Time
	Zip       []byte
	Digest    string
	Final     bool

	blob string
}

// Cache is an entry.
type Cache struct {
	ID           int64
	Key, Version string
	Data         []byte
	Final        bool

	blob string
	size int64
}

type blob struct {
	signature string
	blocks    map[string][]byte
	data      []byte
	committed bool
}

// New starts the services, which end with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, blobs: map[string]*blob{}, refusals: map[string][]func(http.ResponseWriter){}}
	service := http.NewServeMux()
	for method, handle := range map[string]func(http.ResponseWriter, *http.Request){
		"ArtifactService/CreateArtifact":        s.createArtifact,
		"ArtifactService/FinalizeArtifact":      s.finalizeArtifact,
		"ArtifactService/ListArtifacts":         s.listArtifacts,
		"ArtifactService/GetSignedArtifactURL":  s.artifactURL,
		"ArtifactService/DeleteArtifact":        s.deleteArtifact,
		"CacheService/CreateCacheEntry":         s.createCache,
		"CacheService/FinalizeCacheEntryUpload": s.finalizeCache,
		"CacheService/GetCacheEntryDownloadURL": s.cacheURL,
	} {
		service.HandleFunc("POST /twirp/github.actions.results.api.v1."+method, s.trusted(handle))
	}
	service.HandleFunc("GET /older/_apis/artifactcache/cache", s.trusted(s.find))
	service.HandleFunc("POST /older/_apis/artifactcache/caches", s.trusted(s.reserve))
	service.HandleFunc("PATCH /older/_apis/artifactcache/caches/{id}", s.trusted(s.patch))
	service.HandleFunc("POST /older/_apis/artifactcache/caches/{id}", s.trusted(s.commit))
	service.HandleFunc("/", s.unexpected)
	storage := http.NewServeMux()
	storage.HandleFunc("PUT /blob/{name}", s.stranger(s.put))
	storage.HandleFunc("GET /blob/{name}", s.stranger(s.get))
	storage.HandleFunc("/", s.unexpected)
	s.service, s.storage = httptest.NewServer(service), httptest.NewServer(storage)
	t.Cleanup(s.service.Close)
	t.Cleanup(s.storage.Close)
	return s
}

// Environ is the environment of a step on github.com.
func (s *Server) Environ() map[string]string {
	return map[string]string{
		"GITHUB_SERVER_URL": "https://github.com", "ACTIONS_RUNTIME_TOKEN": Token,
		"ACTIONS_RESULTS_URL": s.service.URL + "/", "ACTIONS_CACHE_URL": s.service.URL + "/older/", "ACTIONS_CACHE_SERVICE_V2": "True",
	}
}

// Older is an environment that has the older cache service: act's.
func (s *Server) Older() map[string]string {
	environ := s.Environ()
	delete(environ, "ACTIONS_CACHE_SERVICE_V2")
	return environ
}

// Getenv looks up in an environment.
func Getenv(environ map[string]string) func(string) string {
	return func(name string) string { return environ[name] }
}

// Refuse has the next calls of a method answered so. The method is the last part of a
// Twirp path, or an HTTP method and "blob" or "caches": "PUT blob".
func (s *Server) Refuse(method string, answers ...func(http.ResponseWriter)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals[method] = append(s.refusals[method], answers...)
}

// Status is an answer with nothing but a status.
func Status(status int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(status) }
}

// Calls tells what was called, in order, as Refuse takes it.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Artifacts gives copies of those that are finished.
func (s *Server) Artifacts() []Artifact {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Artifact
	for _, a := range s.artifacts {
		if a.Final {
			list = append(list, *a)
		}
	}
	return list
}

// Caches gives copies of the entries that are finished.
func (s *Server) Caches() []Cache {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Cache
	for _, c := range s.caches {
		if c.Final {
			list = append(list, *c)
		}
	}
	return list
}

// Add puts an artifact of another job there.
func (s *Server) Add(name string, zip []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.artifacts = append(s.artifacts, &Artifact{
		ID: s.id(), Run: Run, Job: "another-job", Name: name, Zip: zip, Digest: sum(zip), Final: true, blob: s.newBlob(zip),
	})
}

// Replace changes what the storage has of an artifact or of a cache with this key, and
// nothing that the service says of it.
func (s *Server) Replace(name string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.artifacts {
		if a.Name == name {
			s.blobs[a.blob].data = data
		}
	}
	for _, c := range s.caches {
		if c.Key == name {
			s.blobs[c.blob].data = data
		}
	}
}

// trusted handles a request of the service, which has to have the token.
func (s *Server) trusted(handle func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if got := r.Header.Get("Authorization"); got != "Bearer "+Token {
			s.t.Errorf("%s %s came with the authorization %q", r.Method, r.URL.Path, got)
			twirpError(w, http.StatusUnauthorized, "unauthenticated", "no token")
			return
		}
		method := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		if strings.HasPrefix(r.URL.Path, "/older/") {
			method = r.Method + " caches"
		}
		s.refuseOr(method, handle)(w, r)
	}
}

// stranger handles a request of the storage, which must not see the token.
func (s *Server) stranger(handle func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if seen := fmt.Sprint(r.Header, r.URL); strings.Contains(seen, Token) || r.Header.Get("Authorization") != "" {
			s.t.Errorf("the storage sees the token: %s", seen)
		}
		blob := s.blobs[r.PathValue("name")]
		if blob == nil || r.URL.Query().Get("sig") != blob.signature {
			s.t.Errorf("%s %s is not signed", r.Method, r.URL)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		s.refuseOr(r.Method+" blob", handle)(w, r)
	}
}

func (s *Server) refuseOr(method string, handle http.HandlerFunc) http.HandlerFunc {
	s.calls = append(s.calls, method)
	if waiting := s.refusals[method]; len(waiting) > 0 {
		s.refusals[method] = waiting[1:]
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			waiting[0](w)
		}
	}
	return handle
}

func (s *Server) unexpected(w http.ResponseWriter, r *http.Request) {
	s.t.Errorf("nobody asks for %s %s", r.Method, r.URL)
	w.WriteHeader(http.StatusNotFound)
}

// read takes a body that has these fields, with the names of the protocol, and no others.
func (s *Server) read(w http.ResponseWriter, r *http.Request, in any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(in); err != nil || r.Header.Get("Content-Type") != "application/json" {
		s.t.Errorf("%s: the body, of type %q, is not the method's: %v", r.URL.Path, r.Header.Get("Content-Type"), err)
		twirpError(w, http.StatusBadRequest, "malformed", "the json request could not be decoded")
		return false
	}
	return true
}

var words = regexp.MustCompile(`_[a-z]`)

// answer writes the fields of an answer in the spelling of the server.
func (s *Server) answer(w http.ResponseWriter, out any) {
	body, err := json.Marshal(out)
	if err != nil {
		s.t.Error(err)
	}
	if s.Camel {
		body = regexp.MustCompile(`"[a-z_]+":`).ReplaceAllFunc(body, func(name []byte) []byte {
			return words.ReplaceAllFunc(name, func(word []byte) []byte { return []byte(strings.ToUpper(string(word[1:]))) })
		})
		body = regexp.MustCompile(`:"(\d+)"`).ReplaceAll(body, []byte(":$1"))
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

func twirpError(w http.ResponseWriter, status int, code, msg string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": code, "msg": msg})
}

type fields = map[string]any

func (s *Server) id() int64 { s.last++; return s.last }

func (s *Server) newBlob(data []byte) (name string) {
	name = fmt.Sprint("b", s.id())
	s.blobs[name] = &blob{signature: "a+b/" + name + "=", blocks: map[string][]byte{}, data: data, committed: data != nil}
	return name
}

// signed is the URL of a blob: its signature does not survive sloppy escaping.
func (s *Server) signed(name string) string {
	return s.storage.URL + "/blob/" + name + "?sv=2025-01-05&sig=a%2Bb%2F" + name + "%3D"
}

func sum(data []byte) string {
	hash := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(hash[:])
}

type artifactRequest struct {
	Run  string `json:"workflow_run_backend_id"`
	Job  string `json:"workflow_job_run_backend_id"`
	Name string `json:"name"`
}

func (s *Server) ofRun(w http.ResponseWriter, run, job string) bool {
	if run != Run || job == "" {
		twirpError(w, http.StatusForbidden, "permission_denied", "these are not the token's run and job")
		return false
	}
	return true
}

func (s *Server) createArtifact(w http.ResponseWriter, r *http.Request) {
	var in struct {
		artifactRequest
		ExpiresAt time.Time `json:"expires_at"`
		Version   int       `json:"version"`
	}
	if !s.read(w, r, &in) || !s.ofRun(w, in.Run, in.Job) {
		return
	}
	if in.Version != 4 || in.Job != Job || in.Name == "" || strings.ContainsAny(in.Name, "\":<>|*?\\/\r\n") {
		s.t.Errorf("an artifact %+v is asked for", in)
	}
	if slices.ContainsFunc(s.artifacts, func(a *Artifact) bool { return a.Name == in.Name && a.Final }) {
		twirpError(w, http.StatusConflict, "already_exists", "an artifact with this name already exists on the workflow run")
		return
	}
	a := &Artifact{ID: s.id(), Run: in.Run, Job: in.Job, Name: in.Name, ExpiresAt: in.ExpiresAt, blob: s.newBlob(nil)}
	s.artifacts = append(s.artifacts, a)
	s.answer(w, fields{"ok": true, "signed_upload_url": s.signed(a.blob)})
}

func (s *Server) finalizeArtifact(w http.ResponseWriter, r *http.Request) {
	var in struct {
		artifactRequest
		Size string `json:"size"`
		Hash string `json:"hash"`
	}
	if !s.read(w, r, &in) || !s.ofRun(w, in.Run, in.Job) {
		return
	}
	for _, a := range slices.Backward(s.artifacts) {
		if a.Name != in.Name || a.Final {
			continue
		}
		blob := s.blobs[a.blob]
		if !blob.committed || in.Size != fmt.Sprint(len(blob.data)) || in.Hash != sum(blob.data) {
			s.t.Errorf("the artifact is not what was uploaded: %+v", in)
		}
		a.Zip, a.Digest, a.Final = blob.data, in.Hash, true
		s.answer(w, fields{"ok": true, "artifact_id": fmt.Sprint(a.ID)})
		return
	}
	twirpError(w, http.StatusNotFound, "not_found", "no such artifact")
}

func (s *Server) listArtifacts(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Run  string  `json:"workflow_run_backend_id"`
		Job  string  `json:"workflow_job_run_backend_id"`
		Name *string `json:"name_filter"`
		ID   *string `json:"id_filter"`
	}
	if !s.read(w, r, &in) || !s.ofRun(w, in.Run, in.Job) {
		return
	}
	list := []fields{}
	for _, a := range s.artifacts {
		if !a.Final || in.Name != nil && *in.Name != a.Name {
			continue
		}
		item := fields{
			"workflow_run_backend_id": a.Run, "workflow_job_run_backend_id": a.Job, "name": a.Name,
			"database_id": fmt.Sprint(a.ID), "size": fmt.Sprint(len(a.Zip)), "created_at": "2026-03-14T12:00:00Z",
		}
		if !s.Blind {
			item["digest"] = a.Digest
		}
		list = append(list, item)
	}
	s.answer(w, fields{"artifacts": list})
}

func (s *Server) artifactURL(w http.ResponseWriter, r *http.Request) {
	var in artifactRequest
	if !s.read(w, r, &in) || !s.ofRun(w, in.Run, in.Job) {
		return
	}
	for _, a := range s.artifacts {
		if a.Final && a.Name == in.Name && a.Job == in.Job {
			s.answer(w, fields{"signed_url": s.signed(a.blob)})
			return
		}
	}
	twirpError(w, http.StatusNotFound, "not_found", "no such artifact")
}

func (s *Server) deleteArtifact(w http.ResponseWriter, r *http.Request) {
	var in artifactRequest
	if !s.read(w, r, &in) || !s.ofRun(w, in.Run, in.Job) {
		return
	}
	for i, a := range s.artifacts {
		if a.Final && a.Name == in.Name && a.Job == in.Job {
			s.artifacts = slices.Delete(s.artifacts, i, i+1)
			s.answer(w, fields{"ok": true, "artifact_id": fmt.Sprint(a.ID)})
			return
		}
	}
	twirpError(w, http.StatusNotFound, "not_found", "no such artifact")
}

// lookup finds as GitHub does: the first key that has something, the newest of it.
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
		s.t.Errorf("a cache of key %q and version %q is asked for", key, version)
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
	s.answer(w, fields{"ok": true, "signed_upload_url": s.signed(c.blob)})
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
			s.t.Errorf("the cache is not what was uploaded: %+v", in)
		}
		c.Data, c.Final = blob.data, true
		s.answer(w, fields{"ok": true, "entry_id": fmt.Sprint(c.ID)})
		return
	}
	s.answer(w, fields{"ok": false, "message": "no such entry"})
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
		s.answer(w, fields{"ok": false})
		return
	}
	s.answer(w, fields{"ok": true, "matched_key": c.Key, "signed_download_url": s.signed(c.blob)})
}

// older tells whether a request asks for the version of the API that there is.
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
		s.t.Errorf("a part has the range %q, want %q: %v", got, want, err)
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
		s.t.Errorf("a cache of %d bytes is said to have %d, then %d", len(c.Data), c.size, in.Size)
	}
	c.Final, s.blobs[c.blob].data = true, c.Data
	w.WriteHeader(http.StatusNoContent)
}

// put is what Azure does with a block blob.
func (s *Server) put(w http.ResponseWriter, r *http.Request) {
	blob := s.blobs[r.PathValue("name")]
	body, err := io.ReadAll(r.Body)
	if err != nil || r.ContentLength != int64(len(body)) {
		s.t.Errorf("a body of %d bytes says that it has %d: %v", len(body), r.ContentLength, err)
	}
	switch query := r.URL.Query(); query.Get("comp") {
	case "block":
		id, err := base64.StdEncoding.DecodeString(query.Get("blockid"))
		if err != nil || len(id) == 0 || len(id) > 64 {
			s.t.Errorf("a block has the ID %q", query.Get("blockid"))
		}
		for other := range blob.blocks {
			if len(other) != len(query.Get("blockid")) {
				s.t.Errorf("blocks have IDs of several lengths: %q and %q", other, query.Get("blockid"))
			}
		}
		blob.blocks[query.Get("blockid")] = body
	case "blocklist":
		var list struct {
			XMLName xml.Name `xml:"BlockList"`
			Latest  []string
		}
		if err := xml.Unmarshal(body, &list); err != nil {
			s.t.Errorf("a list of blocks: %v", err)
		}
		blob.data = nil
		for _, id := range list.Latest {
			part, ok := blob.blocks[id]
			if !ok {
				s.t.Errorf("block %q was not sent", id)
			}
			blob.data = append(blob.data, part...)
		}
		blob.committed = true
	default: // act's server would lose it without a word
		s.t.Errorf("a blob is sent otherwise than by blocks: %s", r.URL.RawQuery)
	}
	w.WriteHeader(http.StatusCreated)
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	data := s.blobs[r.PathValue("name")].data
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data)
}
