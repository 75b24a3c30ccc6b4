// Package runnertest provides the services that GitHub's runner offers to a step, for tests:
// artifacts, both cache services, and the storage behind signed URLs. A test fails if it
// sends a request that GitHub's published clients would not send, or sends the runtime token
// anywhere except to the service.
//
// Non-goals: features that regreen does not use, such as caches of other branches.
package runnertest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The results service's IDs of the token's run and job.
const (
	Run = "ce7f54c7-61c7-4aae-887f-30da475f5f1a"
	Job = "ca395085-040a-526b-2ce8-bdc85f692774"
)

// Token is the runtime token. It looks like GitHub's, with an invalid signature.
var Token = strings.Join([]string{
	base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"RS256"}`)),
	base64.RawURLEncoding.EncodeToString([]byte(`{"scp":"Actions.ExampleScope Actions.Results:` + Run + `:` + Job + `","nbf":1}`)),
	"c2VjcmV0LXNpZ25hdHVyZQ",
}, ".")

// Server is the running services. Its exported fields may be set before the first request.
type Server struct {
	// Camel makes responses use camelCase and int64 numbers, like act's.
	Camel bool
	// NoDigests leaves out digests.
	NoDigests bool

	t       testing.TB
	service *httptest.Server
	storage *httptest.Server

	mu        sync.Mutex
	artifacts []*Artifact
	caches    []*Cache
	blobs     map[string]*blob // by name in the URL
	refusals  map[string][]func(http.ResponseWriter)
	calls     []string
	last      int64
}

// Artifact is an artifact of the run.
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

// Cache is a saved cache.
type Cache struct {
	ID           int64
	Key, Version string
	Data         []byte
	Final        bool

	blob string
	size int64
}

// New starts the services, which stop at the end of the test.
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
	storage.HandleFunc("PUT /blob/{name}", s.untrusted(s.put))
	storage.HandleFunc("GET /blob/{name}", s.untrusted(s.get))
	storage.HandleFunc("/", s.unexpected)
	s.service, s.storage = httptest.NewServer(service), httptest.NewServer(storage)
	t.Cleanup(s.service.Close)
	t.Cleanup(s.storage.Close)
	return s
}

// Environ returns the environment of a step on github.com.
func (s *Server) Environ() map[string]string {
	return map[string]string{
		"GITHUB_SERVER_URL": "https://github.com", "ACTIONS_RUNTIME_TOKEN": Token,
		"ACTIONS_RESULTS_URL": s.service.URL + "/", "ACTIONS_CACHE_URL": s.service.URL + "/older/", "ACTIONS_CACHE_SERVICE_V2": "True",
	}
}

// Older returns an environment with the older cache service, like act's.
func (s *Server) Older() map[string]string {
	environ := s.Environ()
	delete(environ, "ACTIONS_CACHE_SERVICE_V2")
	return environ
}

// Getenv returns a function that looks up variables in an environment.
func Getenv(environ map[string]string) func(string) string {
	return func(name string) string { return environ[name] }
}

// Refuse sets the responses to the next calls of a method. The method is the last part of a
// Twirp path, or an HTTP method and "blob" or "caches": "PUT blob".
func (s *Server) Refuse(method string, responses ...func(http.ResponseWriter)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals[method] = append(s.refusals[method], responses...)
}

// Status returns a response with only a status.
func Status(status int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(status) }
}

// Calls returns the methods called so far, in order and in the form that Refuse takes.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Artifacts returns copies of the finished artifacts.
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

// Caches returns copies of the finished caches.
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

// Add adds an artifact of another job.
func (s *Server) Add(name string, zip []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.artifacts = append(s.artifacts, &Artifact{
		ID: s.id(), Run: Run, Job: "another-job", Name: name, Zip: zip, Digest: sum(zip), Final: true, blob: s.newBlob(zip),
	})
}

// Replace changes the stored data of an artifact with this name or a cache with this key,
// but not what the service returns about it.
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

// trusted handles a request to the service, which must have the token.
func (s *Server) trusted(handle func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if got := r.Header.Get("Authorization"); got != "Bearer "+Token {
			s.t.Errorf("%s %s has authorization %q", r.Method, r.URL.Path, got)
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

// untrusted handles a request to the storage, which must not have the token.
func (s *Server) untrusted(handle func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if seen := fmt.Sprint(r.Header, r.URL); strings.Contains(seen, Token) || r.Header.Get("Authorization") != "" {
			s.t.Errorf("the token was sent to the storage: %s", seen)
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
	if responses := s.refusals[method]; len(responses) > 0 {
		s.refusals[method] = responses[1:]
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			responses[0](w)
		}
	}
	return handle
}

func (s *Server) unexpected(w http.ResponseWriter, r *http.Request) {
	s.t.Errorf("unexpected %s %s", r.Method, r.URL)
	w.WriteHeader(http.StatusNotFound)
}

// read decodes a body, which must have only the fields of in, and reports whether it could.
func (s *Server) read(w http.ResponseWriter, r *http.Request, in any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(in); err != nil || r.Header.Get("Content-Type") != "application/json" {
		s.t.Errorf("%s: invalid body of type %q: %v", r.URL.Path, r.Header.Get("Content-Type"), err)
		twirpError(w, http.StatusBadRequest, "malformed", "the json request could not be decoded")
		return false
	}
	return true
}

var words = regexp.MustCompile(`_[a-z]`)

// respond writes the fields of a response in the spelling of the server.
func (s *Server) respond(w http.ResponseWriter, out any) {
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
