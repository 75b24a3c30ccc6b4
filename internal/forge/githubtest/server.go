// Package githubtest has the part of GitHub's API that regreen uses, for tests: comments, reviews,
// pull requests, check runs, runs and their artifacts, git's objects, and the GraphQL queries
// that fold comments. It listens on loopback, so a client may be another process. Every request
// is checked against GitHub's own description of its API (openapi.json, made by prune.mjs); a
// request that it does not allow fails the test. The server also enforces, with GitHub's answers,
// the limits that are not in the description, and the permissions of a token.
//
// Non-goal: answers with all fields of GitHub's.
package githubtest

import (
	"bytes"
	_ "embed" // openapi.json
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// The repository and the token that the server knows.
const (
	Repository = "acme/fleet"
	Token      = "ghs_tokenOfTheTests"
	Bot        = "github-actions[bot]" // the owner of the token
)

// Server is a running API. Set its fields before the first request.
type Server struct {
	Faults
	URL        string // for GITHUB_API_URL
	Enterprise string // the URL in the form of a GitHub Enterprise server
	// Gap is the least time between writes. A write that comes earlier, or during another
	// one, meets the secondary rate limit.
	Gap time.Duration
	// Git is the directory of a bare repository with the branches, commits, trees and blobs.
	// Without it the server has none of them. See NewGit.
	Git string

	t           testing.TB
	mu          sync.Mutex
	storage     string // address of the server that keeps artifacts
	viewer      string
	denied      map[string]bool
	permissions map[string]string // of users
	protected   map[string]bool   // branches
	ruled       map[string]bool   // branches
	pulls       map[int]*Pull
	comments    []*Comment
	reactions   map[int64][]string
	reviews     []*Review
	checks      []*CheckRun
	runs        map[int64]*Run
	reruns      []int64
	artifacts   []*artifact
	requests    []Request
	lastID      int64
	writing     bool
	wrote       time.Time
}

// Pull is a pull request.
type Pull struct {
	Number        int
	Head          string // commit; "" means that of HeadRef in Git
	HeadRef       string // branch; "" means topic
	BaseRef       string // branch; "" means main
	Fork          bool   // HeadRef is in another repository
	Closed, Draft bool
	Author        string // "" means Bot
	Title, Body   string
	Files         []File
}

// File is a file that a pull request changes.
type File struct {
	Name, Status, Patch string // Patch in GitHub's form: hunks only
}

// Comment is a comment on a pull request.
type Comment struct {
	ID        int64
	Pull      int
	Login     string
	Body      string
	Minimized bool
}

// Review is a review of a pull request.
type Review struct {
	ID       int64
	Pull     int
	Login    string
	Commit   string
	Event    string
	Comments []ReviewComment
}

// ReviewComment is a comment on lines of a file. StartLine is 0 for a single line.
type ReviewComment struct {
	ID              int64
	Path, Body      string
	StartLine, Line int
}

// CheckRun is a check run of a commit.
type CheckRun struct {
	ID                                 int64
	Name, Head, ExternalID, Conclusion string
	Title, Summary                     string
	Annotations                        []map[string]any
}

// Request is a request of a client.
type Request struct{ Method, Path string }

//go:embed openapi.json
var description []byte

var loaded = sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(description) })

// New starts a server, which stops at the end of the test.
func New(t testing.TB) *Server {
	t.Helper()
	api, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{
		t: t, lastID: 100, viewer: Bot, denied: map[string]bool{}, permissions: map[string]string{}, protected: map[string]bool{}, ruled: map[string]bool{},
		pulls: map[int]*Pull{}, reactions: map[int64][]string{}, runs: map[int64]*Run{},
	}
	mux := http.NewServeMux()
	for path, item := range api.Paths.Map() {
		for method, operation := range item.Operations() {
			handle := s.handler(operation.OperationID)
			if handle == nil {
				continue
			}
			route := &routers.Route{Spec: api, Path: path, PathItem: item, Method: method, Operation: operation}
			pattern := path
			if rest, ok := strings.CutSuffix(path, "/git/refs/{ref}"); ok {
				pattern = rest + "/git/refs/{ref...}" // which has slashes
			}
			mux.HandleFunc(method+" "+pattern, func(w http.ResponseWriter, r *http.Request) {
				if err := validate(r, route); err != nil {
					t.Errorf("GitHub's description does not allow %s %s: %v", r.Method, r.URL, err)
					refuse(w, http.StatusUnprocessableEntity, "Validation Failed")
					return
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				handle(w, r)
			})
		}
	}
	mux.HandleFunc("POST /graphql", s.graphQL)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("unexpected request: %s %s", r.Method, r.URL)
		refuse(w, http.StatusNotFound, "Not Found")
	})
	server := httptest.NewServer(s.Wrap(s.admit(mux)))
	t.Cleanup(server.Close)
	s.URL, s.Enterprise = server.URL, server.URL+"/api/v3"
	storage := httptest.NewServer(http.HandlerFunc(s.download))
	t.Cleanup(storage.Close)
	s.storage = storage.URL
	return s
}

// validate returns what GitHub's description does not allow in a request.
func validate(r *http.Request, route *routers.Route) error {
	params := map[string]string{}
	for _, segment := range strings.Split(route.Path, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			params[name] = r.PathValue(name)
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	err = openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route})
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err
}

// admit runs before every handler: it handles the paths of an Enterprise server, the token, the
// log and the rate limit.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/api"); ok {
			r.URL.Path = strings.TrimPrefix(rest, "/v3")
		}
		s.mu.Lock()
		s.requests = append(s.requests, Request{r.Method, r.URL.Path})
		s.mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer "+Token {
			refuse(w, http.StatusUnauthorized, "Bad credentials")
			return
		}
		if s.Gap > 0 && r.Method != http.MethodGet && r.URL.Path != "/graphql" {
			if !s.begin() {
				refuse(w, http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
				return
			}
			defer s.end()
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing || time.Since(s.wrote) < s.Gap {
		return false
	}
	s.writing = true
	return true
}

func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing, s.wrote = false, time.Now()
}

// Rest waits until another client may write, since events are further apart than the Gap.
func (s *Server) Rest() {
	s.mu.Lock()
	rest := s.Gap - time.Since(s.wrote)
	s.mu.Unlock()
	time.Sleep(max(rest, 0))
}

// Environ returns the variables of a workflow's step that uses this server.
func (s *Server) Environ() []string {
	return []string{
		"GITHUB_API_URL=" + s.URL, "GITHUB_GRAPHQL_URL=" + s.URL + "/graphql", "GITHUB_REPOSITORY=" + Repository,
		"GITHUB_TOKEN=" + Token, "GITHUB_SERVER_URL=https://github.example.com", "GITHUB_RUN_ID=7",
	}
}

// The permissions of a token; see Deny.
const (
	PullRequests  = "pull-requests: write" // which a fork's token lacks
	Checks        = "checks: write"
	Contents      = "contents: write"
	Actions       = "actions: write"
	ReadActions   = "actions: read"
	Collaborators = "collaborators"
	OpenPulls     = "open pull requests" // by the setting of the repository
	Minimize      = "minimizeComment"
	Viewer        = "viewer"
)

// Deny removes permissions from the token. Reading stays allowed.
func (s *Server) Deny(permissions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range permissions {
		s.denied[p] = true
	}
}

// Allow restores permissions.
func (s *Server) Allow(permissions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range permissions {
		delete(s.denied, p)
	}
}

// SetViewer sets the owner of the token, which is Bot by default.
func (s *Server) SetViewer(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.viewer = login
}

// SetPermission sets the permission of a user: admin, write, read or none. Other users do not
// exist.
func (s *Server) SetPermission(login, permission string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.permissions[login] = permission
}

// AddPull adds a pull request, or replaces the one with its number.
func (s *Server) AddPull(p Pull) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pulls[p.Number] = &p
}

// Pulls returns the pull requests, sorted by number, with their heads.
func (s *Server) Pulls() []Pull {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Pull
	for _, n := range slices.Sorted(maps.Keys(s.pulls)) {
		p := *s.pulls[n]
		p.Head = s.head(s.pulls[n])
		out = append(out, p)
	}
	return out
}

// Reactions returns the reactions to a comment.
func (s *Server) Reactions(comment int64) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reactions[comment])
}

// AddComment adds a comment and returns its ID.
func (s *Server) AddComment(pull int, login, body string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Comment{ID: s.id(), Pull: pull, Login: login, Body: body}
	s.comments = append(s.comments, c)
	return c.ID
}

// AddReview adds a review with comments on any lines.
func (s *Server) AddReview(pull int, login string, comments ...ReviewComment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reviews = append(s.reviews, &Review{ID: s.id(), Pull: pull, Login: login, Event: "COMMENT", Comments: comments})
}

// Comments returns the comments on a pull request, the oldest first.
func (s *Server) Comments(pull int) []Comment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Comment
	for _, c := range s.comments {
		if c.Pull == pull {
			out = append(out, *c)
		}
	}
	return out
}

// Reviews returns the reviews of a pull request.
func (s *Server) Reviews(pull int) []Review {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Review
	for _, r := range s.reviews {
		if r.Pull == pull {
			out = append(out, *r)
		}
	}
	return out
}

// CheckRuns returns the check runs.
func (s *Server) CheckRuns() []CheckRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []CheckRun
	for _, c := range s.checks {
		out = append(out, *c)
	}
	return out
}

// Requests returns all requests, refused or not.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *Server) id() int64 {
	s.lastID++
	return s.lastID
}

// refuse answers like GitHub when it refuses a request.
func refuse(w http.ResponseWriter, status int, message string, details ...string) {
	type detail struct {
		Message string `json:"message"`
	}
	answer := struct {
		Message string   `json:"message"`
		Errors  []detail `json:"errors,omitempty"`
		Docs    string   `json:"documentation_url"`
	}{Message: message, Docs: "https://docs.github.com/rest"}
	if strings.Contains(message, "secondary rate limit") {
		answer.Docs += "/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
	}
	for _, d := range details {
		answer.Errors = append(answer.Errors, detail{d})
	}
	reply(w, status, answer)
}

func reply(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// forbidden refuses a request that the token lacks the permission for, and reports whether it did.
func (s *Server) forbidden(w http.ResponseWriter, permission string) bool {
	if s.denied[permission] {
		refuse(w, http.StatusForbidden, "Resource not accessible by integration")
		return true
	}
	return false
}

// read decodes a body that was checked before.
func read(r *http.Request, into any) error {
	err := json.NewDecoder(r.Body).Decode(into)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// page answers with a part of a list and a link to the next part.
func page[T any](w http.ResponseWriter, r *http.Request, all []T, wrap func([]T) any) {
	number := func(name string, otherwise int) int {
		n, err := strconv.Atoi(r.URL.Query().Get(name))
		if err != nil || n < 1 {
			return otherwise
		}
		return n
	}
	size, n := min(number("per_page", 30), 100), number("page", 1)
	from := min((n-1)*size, len(all))
	to := min(from+size, len(all))
	if to < len(all) {
		next := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: fmt.Sprintf("per_page=%d&page=%d", size, n+1)}
		w.Header().Set("Link", fmt.Sprintf("<%s>; rel=\"next\"", &next))
	}
	reply(w, http.StatusOK, wrap(append([]T{}, all[from:to]...)))
}

func itself[T any](list []T) any { return list }
