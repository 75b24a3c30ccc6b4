package githubtest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Run is a run of a workflow.
type Run struct {
	ID                               int64
	Attempt                          int
	Name, Path, Event                string
	Status, Conclusion               string // "" means completed and failure
	Head, HeadBranch, HeadRepository string // HeadRepository "" means Repository
	Pulls                            []int
}

type artifact struct {
	id, run int64
	name    string
	zip     []byte
	expired bool
}

// AddRun adds a run.
func (s *Server) AddRun(r Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs[r.ID] = &r
}

// AddArtifact adds an archive to a run and returns its ID. Nil means an expired one.
func (s *Server) AddArtifact(run int64, name string, zip []byte) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &artifact{id: s.id(), run: run, name: name, zip: zip, expired: zip == nil}
	s.artifacts = append(s.artifacts, a)
	return a.id
}

// Artifacts returns the IDs of a run's artifacts with a name, the oldest first.
func (s *Server) Artifacts(run int64, name string) (ids []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.artifacts {
		if a.run == run && a.name == name {
			ids = append(ids, a.id)
		}
	}
	return ids
}

// SetArtifactID changes the ID of an artifact to the one that the runner's services gave it.
func (s *Server) SetArtifactID(id, to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.artifacts {
		if a.id == id {
			a.id = to
		}
	}
}

// SetArtifact replaces the archive of an artifact, which GitHub never does.
func (s *Server) SetArtifact(id int64, zip []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.artifacts {
		if a.id == id {
			a.zip = zip
		}
	}
}

// Expire lets an artifact expire.
func (s *Server) Expire(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.artifacts {
		if a.id == id {
			a.expired = true
		}
	}
}

// Reruns returns the runs that were started again.
func (s *Server) Reruns() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reruns)
}

func (s *Server) run(w http.ResponseWriter, r *http.Request) *Run {
	id, _ := strconv.ParseInt(r.PathValue("run_id"), 10, 64)
	run := s.runs[id]
	if run == nil {
		refuse(w, http.StatusNotFound, "Not Found")
	}
	return run
}

func (s *Server) getRun(w http.ResponseWriter, r *http.Request) {
	if s.forbidden(w, ReadActions) {
		return
	}
	run := s.run(w, r)
	if run == nil {
		return
	}
	pulls := []map[string]any{}
	for _, n := range run.Pulls {
		pulls = append(pulls, map[string]any{"number": n})
	}
	reply(w, http.StatusOK, map[string]any{
		"id": run.ID, "run_attempt": max(run.Attempt, 1), "name": run.Name, "path": run.Path, "event": run.Event,
		"status": cmp.Or(run.Status, "completed"), "conclusion": cmp.Or(run.Conclusion, "failure"), "head_sha": run.Head, "head_branch": run.HeadBranch,
		"head_repository": map[string]any{"full_name": cmp.Or(run.HeadRepository, Repository)}, "pull_requests": pulls,
		"html_url": fmt.Sprintf("https://github.example.com/%s/actions/runs/%d", Repository, run.ID),
	})
}

func (s *Server) rerun(w http.ResponseWriter, r *http.Request) {
	if s.forbidden(w, Actions) {
		return
	}
	run := s.run(w, r)
	if run == nil {
		return
	}
	if run.Status != "" && run.Status != "completed" {
		refuse(w, http.StatusForbidden, "The workflow run is already running")
		return
	}
	s.reruns = append(s.reruns, run.ID)
	reply(w, http.StatusCreated, map[string]any{})
}

func (s *Server) listArtifacts(w http.ResponseWriter, r *http.Request) {
	if s.forbidden(w, ReadActions) {
		return
	}
	run := s.run(w, r)
	if run == nil {
		return
	}
	var all []map[string]any
	for _, a := range s.artifacts {
		if a.run == run.ID {
			all = append(all, map[string]any{"id": a.id, "name": a.name, "size_in_bytes": len(a.zip), "expired": a.expired})
		}
	}
	page(w, r, all, func(some []map[string]any) any {
		return map[string]any{"total_count": len(all), "artifacts": some}
	})
}

// redirect redirects to the host that keeps archives.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request) {
	if s.forbidden(w, ReadActions) {
		return
	}
	for _, a := range s.artifacts {
		if strconv.FormatInt(a.id, 10) != r.PathValue("artifact_id") {
			continue
		}
		if a.expired {
			refuse(w, http.StatusGone, "Artifact has expired")
			return
		}
		http.Redirect(w, r, fmt.Sprintf("%s/archives/%d?sig=secret", s.storage, a.id), http.StatusFound)
		return
	}
	refuse(w, http.StatusNotFound, "Not Found")
}

// download serves the other host, which must not get the token.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "" {
		s.t.Error("the token was sent to the storage of artifacts")
	}
	id, ok := strings.CutPrefix(r.URL.Path, "/archives/")
	for _, a := range s.artifacts {
		if ok && strconv.FormatInt(a.id, 10) == id && r.URL.Query().Get("sig") == "secret" {
			_, _ = w.Write(a.zip)
			return
		}
	}
	http.NotFound(w, r)
}
