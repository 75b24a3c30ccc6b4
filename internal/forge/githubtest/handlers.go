package githubtest

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits that GitHub's description does not have.
const (
	maxBody        = 65_536 // characters of a comment
	maxSummary     = 65_535 // of a check run
	maxAnnotations = 50     // of a request
	maxTitle       = 255
	maxMessage     = 64 << 10
)

// handler returns the handler of an operation, or nil.
func (s *Server) handler(operation string) func(http.ResponseWriter, *http.Request) {
	return map[string]func(http.ResponseWriter, *http.Request){
		"issues/list-comments":                    s.listComments,
		"issues/create-comment":                   s.createComment,
		"issues/update-comment":                   s.updateComment,
		"reactions/create-for-issue-comment":      s.react,
		"repos/get-collaborator-permission-level": s.permission,
		"pulls/list":                              s.listPulls,
		"pulls/create":                            s.createPull,
		"pulls/get":                               s.getPull,
		"pulls/list-files":                        s.listFiles,
		"pulls/list-review-comments":              s.listReviewComments,
		"pulls/create-review":                     s.createReview,
		"checks/create":                           s.createCheck,
		"checks/update":                           s.updateCheck,
		"checks/list-for-ref":                     s.listChecks,
		"repos/get-branch":                        s.getBranch,
		"git/create-blob":                         s.createBlob,
		"git/get-blob":                            s.getBlob,
		"git/create-commit":                       s.createCommit,
		"git/get-commit":                          s.getCommit,
		"git/create-ref":                          s.createRef,
		"git/update-ref":                          s.updateRef,
		"git/create-tree":                         s.createTree,
		"git/get-tree":                            s.getTree,
		"actions/get-workflow-run":                s.getRun,
		"actions/re-run-workflow":                 s.rerun,
		"actions/list-workflow-run-artifacts":     s.listArtifacts,
		"actions/download-artifact":               s.redirect,
	}[operation]
}

func user(login string) map[string]any {
	kind := "User"
	if strings.HasSuffix(login, "[bot]") {
		kind = "Bot"
	}
	return map[string]any{"login": login, "type": kind}
}

func (s *Server) pull(w http.ResponseWriter, r *http.Request, name string) *Pull {
	n, _ := strconv.Atoi(r.PathValue(name))
	p := s.pulls[n]
	if p == nil || r.PathValue("owner")+"/"+r.PathValue("repo") != Repository {
		refuse(w, http.StatusNotFound, "Not Found")
		return nil
	}
	return p
}

func (c *Comment) json() map[string]any {
	return map[string]any{
		"id": c.ID, "node_id": fmt.Sprintf("IC_%d", c.ID), "body": c.Body, "user": user(c.Login),
		"html_url": fmt.Sprintf("https://github.example.com/%s/pull/%d#issuecomment-%d", Repository, c.Pull, c.ID),
	}
}

func (s *Server) listComments(w http.ResponseWriter, r *http.Request) {
	p := s.pull(w, r, "issue_number")
	if p == nil {
		return
	}
	var all []map[string]any
	for _, c := range s.comments {
		if c.Pull == p.Number {
			all = append(all, c.json())
		}
	}
	page(w, r, all, itself)
}

// body reads the text of a comment, and refuses one that is too long.
func body(w http.ResponseWriter, r *http.Request) (string, bool) {
	var in struct{ Body string }
	if err := read(r, &in); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return "", false
	}
	if n := utf8.RuneCountInString(in.Body); n > maxBody || strings.TrimSpace(in.Body) == "" {
		refuse(w, http.StatusUnprocessableEntity, "Validation Failed", fmt.Sprintf("body is too long (maximum is %d characters)", maxBody))
		return "", false
	}
	return in.Body, true
}

func (s *Server) createComment(w http.ResponseWriter, r *http.Request) {
	p := s.pull(w, r, "issue_number")
	if p == nil || s.forbidden(w, PullRequests) {
		return
	}
	text, ok := body(w, r)
	if !ok {
		return
	}
	c := &Comment{ID: s.id(), Pull: p.Number, Login: s.viewer, Body: text}
	s.comments = append(s.comments, c)
	reply(w, http.StatusCreated, c.json())
}

// updateComment edits anybody's comment: GitHub allows that to a workflow's token.
func (s *Server) updateComment(w http.ResponseWriter, r *http.Request) {
	if s.forbidden(w, PullRequests) {
		return
	}
	for _, c := range s.comments {
		if strconv.FormatInt(c.ID, 10) != r.PathValue("comment_id") {
			continue
		}
		if text, ok := body(w, r); ok {
			c.Body = text
			reply(w, http.StatusOK, c.json())
		}
		return
	}
	refuse(w, http.StatusNotFound, "Not Found")
}

func (s *Server) listFiles(w http.ResponseWriter, r *http.Request) {
	p := s.pull(w, r, "pull_number")
	if p == nil {
		return
	}
	var all []map[string]any
	for _, f := range p.Files {
		status := f.Status
		if status == "" {
			status = "modified"
		}
		all = append(all, map[string]any{"filename": f.Name, "status": status, "patch": f.Patch})
	}
	page(w, r, all, itself)
}

func (s *Server) listReviewComments(w http.ResponseWriter, r *http.Request) {
	p := s.pull(w, r, "pull_number")
	if p == nil {
		return
	}
	var all []map[string]any
	for _, review := range s.reviews {
		for _, c := range review.Comments {
			if review.Pull == p.Number {
				all = append(all, map[string]any{
					"id": c.ID, "path": c.Path, "body": c.Body, "line": c.Line, "user": user(review.Login),
					"html_url": fmt.Sprintf("https://github.example.com/%s/pull/%d#discussion_r%d", Repository, p.Number, c.ID),
				})
			}
		}
	}
	page(w, r, all, itself)
}

// createReview creates a review with all of its comments, or none if the pull request does not
// show one of the lines.
func (s *Server) createReview(w http.ResponseWriter, r *http.Request) {
	p := s.pull(w, r, "pull_number")
	if p == nil || s.forbidden(w, PullRequests) {
		return
	}
	var in struct {
		CommitID string `json:"commit_id"`
		Event    string
		Body     string
		Comments []struct {
			Path, Body, Side string
			Line             int
			StartLine        int    `json:"start_line"`
			StartSide        string `json:"start_side"`
		}
	}
	if err := read(r, &in); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	review := &Review{ID: s.id(), Pull: p.Number, Login: s.viewer, Commit: in.CommitID, Event: in.Event}
	if in.CommitID != s.head(p) {
		refuse(w, http.StatusUnprocessableEntity, "Unprocessable Entity", "commit_id is not part of the pull request")
		return
	}
	for _, c := range in.Comments {
		switch {
		case utf8.RuneCountInString(c.Body) > maxBody:
			refuse(w, http.StatusUnprocessableEntity, "Unprocessable Entity", "body is too long")
			return
		case c.StartLine != 0 && c.StartLine >= c.Line:
			refuse(w, http.StatusUnprocessableEntity, "Unprocessable Entity", "start_line must precede the end line.")
			return
		case !p.shows(c.Path, max(c.StartLine, 0), c.Line):
			refuse(w, http.StatusUnprocessableEntity, "Unprocessable Entity", "Line could not be resolved")
			return
		}
		review.Comments = append(review.Comments, ReviewComment{s.id(), c.Path, c.Body, c.StartLine, c.Line})
	}
	s.reviews = append(s.reviews, review)
	reply(w, http.StatusOK, map[string]any{
		"id": review.ID, "html_url": fmt.Sprintf("https://github.example.com/%s/pull/%d#pullrequestreview-%d", Repository, p.Number, review.ID),
	})
}

var hunk = regexp.MustCompile(`^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@`)

// shows reports whether both lines are on the right side of one hunk of the file.
func (p *Pull) shows(path string, start, line int) bool {
	if start == 0 {
		start = line
	}
	for _, f := range p.Files {
		if f.Name != path {
			continue
		}
		for text := range strings.SplitSeq(f.Patch, "\n") {
			m := hunk.FindStringSubmatch(text)
			if m == nil {
				continue
			}
			from, _ := strconv.Atoi(m[1])
			count, err := strconv.Atoi(m[2])
			if err != nil {
				count = 1 // it is omitted if it is 1
			}
			if start >= from && line < from+count {
				return true
			}
		}
	}
	return false
}

// check is the body of a request about a check run.
type check struct {
	Name       string
	HeadSHA    string `json:"head_sha"`
	ExternalID string `json:"external_id"`
	Conclusion string
	Output     struct {
		Title, Summary string
		Annotations    []map[string]any
	}
}

// check reads the body and refuses what exceeds GitHub's limits.
func (s *Server) check(w http.ResponseWriter, r *http.Request) *check {
	if s.forbidden(w, Checks) {
		return nil
	}
	in := new(check)
	if err := read(r, in); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return nil
	}
	fault := ""
	switch {
	case len(in.Output.Annotations) > maxAnnotations:
		fault = fmt.Sprintf("No more than %d items are allowed", maxAnnotations)
	case len(in.Output.Summary) > maxSummary, len(in.Output.Title) > maxTitle:
		fault = "Only 65535 characters are allowed"
	}
	for _, a := range in.Output.Annotations {
		message, _ := a["message"].(string)
		title, _ := a["title"].(string)
		if message == "" || len(message) > maxMessage || len(title) > maxTitle {
			fault = "an annotation's message or title is missing or too long"
		}
	}
	if fault != "" {
		refuse(w, http.StatusUnprocessableEntity, "Invalid request.", fault)
		return nil
	}
	return in
}

func (c *CheckRun) json() map[string]any {
	return map[string]any{
		"id": c.ID, "name": c.Name, "head_sha": c.Head, "external_id": c.ExternalID, "conclusion": c.Conclusion,
		"html_url": fmt.Sprintf("https://github.example.com/%s/runs/%d", Repository, c.ID),
		"output":   map[string]any{"title": c.Title, "summary": c.Summary, "annotations_count": len(c.Annotations)},
	}
}

func (s *Server) createCheck(w http.ResponseWriter, r *http.Request) {
	in := s.check(w, r)
	if in == nil {
		return
	}
	c := &CheckRun{ID: s.id(), Name: in.Name, Head: in.HeadSHA, ExternalID: in.ExternalID, Conclusion: in.Conclusion, Title: in.Output.Title, Summary: in.Output.Summary, Annotations: in.Output.Annotations}
	s.checks = append(s.checks, c)
	reply(w, http.StatusCreated, c.json())
}

// updateCheck adds annotations to the existing ones.
func (s *Server) updateCheck(w http.ResponseWriter, r *http.Request) {
	in := s.check(w, r)
	if in == nil {
		return
	}
	for _, c := range s.checks {
		if strconv.FormatInt(c.ID, 10) == r.PathValue("check_run_id") {
			c.Conclusion, c.Title, c.Summary = in.Conclusion, in.Output.Title, in.Output.Summary
			c.Annotations = append(c.Annotations, in.Output.Annotations...)
			reply(w, http.StatusOK, c.json())
			return
		}
	}
	refuse(w, http.StatusNotFound, "Not Found")
}

func (s *Server) listChecks(w http.ResponseWriter, r *http.Request) {
	var all []map[string]any
	for _, c := range s.checks {
		if c.Head == r.PathValue("ref") && c.Name == r.URL.Query().Get("check_name") {
			all = append(all, c.json())
		}
	}
	page(w, r, all, func(some []map[string]any) any {
		return map[string]any{"total_count": len(all), "check_runs": some}
	})
}

// graphQL answers the three queries that regreen uses.
func (s *Server) graphQL(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Query     string
		Variables struct {
			ID  string
			IDs []string
		}
	}
	if err := read(r, &in); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := func(kind, message string) {
		reply(w, http.StatusOK, map[string]any{"data": nil, "errors": []map[string]any{{"type": kind, "message": message}}})
	}
	switch {
	case strings.Contains(in.Query, "minimizeComment("):
		c := s.node(in.Variables.ID)
		if s.denied[Minimize] || c == nil {
			fail("FORBIDDEN", "Resource not accessible by integration")
			return
		}
		c.Minimized = true
		reply(w, http.StatusOK, map[string]any{"data": map[string]any{"minimizeComment": map[string]any{"minimizedComment": map[string]any{"isMinimized": true}}}})
	case strings.Contains(in.Query, "nodes("):
		var nodes []map[string]any
		for _, id := range in.Variables.IDs {
			if c := s.node(id); c != nil {
				nodes = append(nodes, map[string]any{"id": id, "isMinimized": c.Minimized})
			}
		}
		reply(w, http.StatusOK, map[string]any{"data": map[string]any{"nodes": nodes}})
	case strings.Contains(in.Query, "viewer"):
		if s.denied[Viewer] {
			fail("FORBIDDEN", "Resource not accessible by integration")
			return
		}
		reply(w, http.StatusOK, map[string]any{"data": map[string]any{"viewer": map[string]any{"login": s.viewer}}})
	default:
		s.t.Errorf("unknown query %s", in.Query)
		fail("NOT_FOUND", "unknown query")
	}
}

func (s *Server) node(id string) *Comment {
	for _, c := range s.comments {
		if fmt.Sprintf("IC_%d", c.ID) == id {
			return c
		}
	}
	return nil
}
