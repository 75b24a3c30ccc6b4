package githubtest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// head returns the head commit of a pull request.
func (s *Server) head(p *Pull) string {
	if p.Head == "" && s.Git != "" {
		sha, _ := s.git(nil, "rev-parse", "--verify", "-q", "refs/heads/"+p.HeadRef)
		return sha
	}
	return p.Head
}

// Fork is the repository that forks' pull requests come from.
const Fork = "mallory/fleet"

// from returns the repository of a pull request's branch.
func from(p *Pull) string {
	if p.Fork {
		return Fork
	}
	return Repository
}

func (s *Server) pullJSON(p *Pull) map[string]any {
	state := "open"
	if p.Closed {
		state = "closed"
	}
	base := ""
	if s.Git != "" {
		base, _ = s.git(nil, "rev-parse", "--verify", "-q", "refs/heads/"+cmp.Or(p.BaseRef, "main"))
	}
	return map[string]any{
		"number": p.Number, "state": state, "draft": p.Draft, "title": p.Title, "body": p.Body, "user": user(cmp.Or(p.Author, Bot)),
		"html_url": fmt.Sprintf("https://github.example.com/%s/pull/%d", Repository, p.Number),
		"head":     map[string]any{"sha": s.head(p), "ref": cmp.Or(p.HeadRef, "topic"), "repo": map[string]any{"full_name": from(p)}},
		"base":     map[string]any{"sha": base, "ref": cmp.Or(p.BaseRef, "main"), "repo": map[string]any{"full_name": Repository}},
	}
}

func (s *Server) getPull(w http.ResponseWriter, r *http.Request) {
	if p := s.pull(w, r, "pull_number"); p != nil {
		reply(w, http.StatusOK, s.pullJSON(p))
	}
}

func (s *Server) listPulls(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var all []map[string]any
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(s.pulls))) {
		p := s.pulls[n]
		state := cmp.Or(q.Get("state"), "open")
		if p.Closed && state == "open" || !p.Closed && state == "closed" {
			continue
		}
		owner, _, _ := strings.Cut(from(p), "/")
		if head := q.Get("head"); head != "" && head != owner+":"+cmp.Or(p.HeadRef, "topic") {
			continue
		}
		all = append(all, s.pullJSON(p))
	}
	page(w, r, all, itself)
}

func (s *Server) createPull(w http.ResponseWriter, r *http.Request) {
	if s.denied[OpenPulls] {
		refuse(w, http.StatusForbidden, "GitHub Actions is not permitted to create or approve pull requests.")
		return
	}
	if s.forbidden(w, PullRequests) {
		return
	}
	var in struct {
		Title, Body, Head, Base string
		Draft                   bool
	}
	if err := read(r, &in); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	fault := ""
	head, _ := s.git(nil, "rev-parse", "--verify", "-q", "refs/heads/"+in.Head)
	base, _ := s.git(nil, "rev-parse", "--verify", "-q", "refs/heads/"+in.Base)
	switch {
	case in.Title == "" || utf8.RuneCountInString(in.Title) > 256:
		fault = "title is missing or too long (maximum is 256 characters)"
	case utf8.RuneCountInString(in.Body) > maxBody:
		fault = fmt.Sprintf("body is too long (maximum is %d characters)", maxBody)
	case head == "":
		fault = "PullRequest head invalid"
	case base == "":
		fault = "PullRequest base invalid"
	case s.isAncestor(head, base):
		fault = fmt.Sprintf("No commits between %s and %s", in.Base, in.Head)
	}
	next := 1
	for n, p := range s.pulls {
		next = max(next, n+1)
		if !p.Closed && !p.Fork && p.HeadRef == in.Head && cmp.Or(p.BaseRef, "main") == in.Base {
			fault = "A pull request already exists for acme:" + in.Head + "."
		}
	}
	if fault != "" {
		refuse(w, http.StatusUnprocessableEntity, "Validation Failed", fault)
		return
	}
	p := &Pull{Number: next, HeadRef: in.Head, BaseRef: in.Base, Draft: in.Draft, Author: s.viewer, Title: in.Title, Body: in.Body}
	s.pulls[next] = p
	reply(w, http.StatusCreated, s.pullJSON(p))
}

func (s *Server) react(w http.ResponseWriter, r *http.Request) {
	if s.forbidden(w, PullRequests) {
		return
	}
	id, _ := strconv.ParseInt(r.PathValue("comment_id"), 10, 64)
	if !slices.ContainsFunc(s.comments, func(c *Comment) bool { return c.ID == id }) {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	var in struct{ Content string }
	if err := read(r, &in); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	status := http.StatusOK // it exists already
	if !slices.Contains(s.reactions[id], in.Content) {
		s.reactions[id] = append(s.reactions[id], in.Content)
		status = http.StatusCreated
	}
	reply(w, status, map[string]any{"id": s.id(), "content": in.Content, "user": user(s.viewer)})
}

func (s *Server) permission(w http.ResponseWriter, r *http.Request) {
	if s.denied[Collaborators] {
		refuse(w, http.StatusForbidden, "Must have push access to view collaborator permission.")
		return
	}
	login := r.PathValue("username")
	level, ok := s.permissions[login]
	if !ok {
		refuse(w, http.StatusNotFound, login+" is not a user")
		return
	}
	reply(w, http.StatusOK, map[string]any{"permission": level, "role_name": level, "user": user(login)})
}
