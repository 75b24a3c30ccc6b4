// Package gitlabtest has the part of GitLab's API that regreen uses, for tests: the notes of merge
// requests. It refuses what GitLab documents as not allowed. A note with a line that GitLab would
// treat as a command fails the test.
//
// Non-goal: answers with all fields of GitLab's.
package gitlabtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/regreen-ci/regreen/internal/forge/githubtest"
)

// The project, the merge request and the token that the server knows.
const (
	Project = "42"
	IID     = 7
	Token   = "glpat-tokenOfTheTests"
	Bot     = "project_42_bot"
)

const maxNote = 1_000_000 // characters

// Server is a running API. Set its fields before the first request.
type Server struct {
	githubtest.Faults
	URL    string // for CI_API_V4_URL
	Denied bool   // the token is read-only

	t        testing.TB
	mu       sync.Mutex
	notes    []Note
	requests int
}

// Note is a note on the merge request.
type Note struct {
	ID           int64
	Author, Body string
	System       bool
}

// New starts a server, which stops at the end of the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t}
	mux := http.NewServeMux()
	notes := "/api/v4/projects/{id}/merge_requests/{iid}/notes"
	mux.HandleFunc("GET "+notes, s.list)
	mux.HandleFunc("POST "+notes, s.create)
	mux.HandleFunc("PUT "+notes+"/{note}", s.update)
	mux.HandleFunc("GET /api/v4/user", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"id": 9, "username": Bot})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("unexpected request: %s %s", r.Method, r.URL)
		reply(w, http.StatusNotFound, map[string]any{"error": "404 Not Found"})
	})
	server := httptest.NewServer(s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests++
		if r.Header.Get("PRIVATE-TOKEN") != Token {
			reply(w, http.StatusUnauthorized, map[string]any{"message": "401 Unauthorized"})
			return
		}
		mux.ServeHTTP(w, r)
	})))
	t.Cleanup(server.Close)
	s.URL = server.URL + "/api/v4"
	return s
}

// Environ returns the variables of a job in the merge request's pipeline.
func (s *Server) Environ() []string {
	return []string{
		"GITLAB_CI=true", "CI_API_V4_URL=" + s.URL, "CI_PROJECT_ID=" + Project, "CI_MERGE_REQUEST_IID=" + strconv.Itoa(IID), "CI_JOB_ID=1234",
		"CI_MERGE_REQUEST_PROJECT_URL=https://gitlab.example.com/acme/fleet", "CI_JOB_URL=https://gitlab.example.com/acme/fleet/-/jobs/1234",
		"REGREEN_GITLAB_TOKEN=" + Token,
	}
}

// AddNote adds a note and returns its ID.
func (s *Server) AddNote(author, body string, system bool) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(author, body, system).ID
}

func (s *Server) add(author, body string, system bool) Note {
	n := Note{int64(len(s.notes)) + 100, author, body, system}
	s.notes = append(s.notes, n)
	return n
}

// Notes returns the notes on the merge request, the oldest first.
func (s *Server) Notes() []Note {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notes)
}

// Requests returns the number of requests, refused or not.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

func (n Note) json() map[string]any {
	return map[string]any{"id": n.ID, "body": n.Body, "system": n.System, "noteable_iid": IID, "author": map[string]any{"username": n.Author}}
}

func known(w http.ResponseWriter, r *http.Request) bool {
	if r.PathValue("id") != Project || r.PathValue("iid") != strconv.Itoa(IID) {
		reply(w, http.StatusNotFound, map[string]any{"message": "404 Not found"})
		return false
	}
	return true
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	if !known(w, r) {
		return
	}
	number := func(name string, otherwise int) int {
		n, err := strconv.Atoi(r.URL.Query().Get(name))
		if err != nil {
			return otherwise
		}
		return n
	}
	size, page := min(number("per_page", 20), 100), number("page", 1)
	if sort := r.URL.Query().Get("sort"); sort != "" && sort != "asc" && sort != "desc" || page < 1 || size < 1 {
		reply(w, http.StatusBadRequest, map[string]any{"error": "sort, page or per_page does not have a valid value"})
		return
	}
	all := s.notes
	if r.URL.Query().Get("sort") != "asc" {
		all = slices.Clone(all)
		slices.Reverse(all)
	}
	from := min((page-1)*size, len(all))
	to := min(from+size, len(all))
	some := []map[string]any{}
	for _, n := range all[from:to] {
		some = append(some, n.json())
	}
	next := ""
	if to < len(all) {
		next = strconv.Itoa(page + 1)
	}
	w.Header().Set("X-Next-Page", next)
	reply(w, http.StatusOK, some)
}

// command matches what GitLab executes when its parser misses that the line is in a block of code.
var command = regexp.MustCompile(`(?m)^/[A-Za-z_]+`)

// body reads the text of a note and refuses what GitLab would refuse.
func (s *Server) body(w http.ResponseWriter, r *http.Request) (string, bool) {
	if s.Denied {
		reply(w, http.StatusForbidden, map[string]any{"message": "403 Forbidden"})
		return "", false
	}
	var in struct{ Body string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("Content-Type") != "application/json" {
		reply(w, http.StatusBadRequest, map[string]any{"error": "body is missing"})
		return "", false
	}
	if n := utf8.RuneCountInString(in.Body); n > maxNote || n == 0 {
		reply(w, http.StatusBadRequest, map[string]any{"message": map[string]any{"note": []string{fmt.Sprintf("is too long (maximum is %d characters)", maxNote)}}})
		return "", false
	}
	if c := command.FindString(in.Body); c != "" {
		s.t.Errorf("GitLab would execute %s in the note\n%.2000s", c, in.Body)
	}
	return in.Body, true
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	if !known(w, r) {
		return
	}
	if text, ok := s.body(w, r); ok {
		reply(w, http.StatusCreated, s.add(Bot, text, false).json())
	}
}

// update edits only the token owner's own notes.
func (s *Server) update(w http.ResponseWriter, r *http.Request) {
	if !known(w, r) {
		return
	}
	for i, n := range s.notes {
		if strconv.FormatInt(n.ID, 10) != r.PathValue("note") {
			continue
		}
		if n.Author != Bot || n.System {
			reply(w, http.StatusForbidden, map[string]any{"message": "403 Forbidden"})
			return
		}
		if text, ok := s.body(w, r); ok {
			s.notes[i].Body = text
			reply(w, http.StatusOK, s.notes[i].json())
		}
		return
	}
	reply(w, http.StatusNotFound, map[string]any{"message": "404 Not found"})
}

func reply(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}
