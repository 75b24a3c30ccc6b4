package runnertest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

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
		s.t.Errorf("invalid request for an artifact: %+v", in)
	}
	if slices.ContainsFunc(s.artifacts, func(a *Artifact) bool { return a.Name == in.Name && a.Final }) {
		twirpError(w, http.StatusConflict, "already_exists", "an artifact with this name already exists on the workflow run")
		return
	}
	a := &Artifact{ID: s.id(), Run: in.Run, Job: in.Job, Name: in.Name, ExpiresAt: in.ExpiresAt, blob: s.newBlob(nil)}
	s.artifacts = append(s.artifacts, a)
	s.respond(w, fields{"ok": true, "signed_upload_url": s.signed(a.blob)})
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
			s.t.Errorf("size or hash differ from the uploaded artifact: %+v", in)
		}
		a.Zip, a.Digest, a.Final = blob.data, in.Hash, true
		s.respond(w, fields{"ok": true, "artifact_id": fmt.Sprint(a.ID)})
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
		if !s.NoDigests {
			item["digest"] = a.Digest
		}
		list = append(list, item)
	}
	s.respond(w, fields{"artifacts": list})
}

func (s *Server) artifactURL(w http.ResponseWriter, r *http.Request) {
	var in artifactRequest
	if !s.read(w, r, &in) || !s.ofRun(w, in.Run, in.Job) {
		return
	}
	for _, a := range s.artifacts {
		if a.Final && a.Name == in.Name && a.Job == in.Job {
			s.respond(w, fields{"signed_url": s.signed(a.blob)})
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
			s.respond(w, fields{"ok": true, "artifact_id": fmt.Sprint(a.ID)})
			return
		}
	}
	twirpError(w, http.StatusNotFound, "not_found", "no such artifact")
}
