package forge

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/google/go-github/v92/github"
)

// Run is a run of a workflow.
type Run struct {
	ID             int64
	Attempt        int
	Name           string // of the workflow
	Path           string // of the workflow's file
	Event          string
	Status         string // queued, in_progress, completed ...
	Conclusion     string // success, failure ...; "" until it is completed
	Head           string // commit
	HeadBranch     string
	HeadRepository string // owner/name
	URL            string
	Pulls          []int // pull requests of its branch; empty for a fork's
}

// Run reads a run.
func (g *GitHub) Run(ctx context.Context, id int64) (Run, error) {
	r, _, err := g.client.Actions.GetWorkflowRunByID(ctx, g.owner, g.repo, id)
	if err != nil {
		return Run{}, g.problem(fmt.Sprintf("read the run %d", id), "actions: read", err)
	}
	run := Run{
		ID: r.GetID(), Attempt: r.GetRunAttempt(), Name: r.GetName(), Path: r.GetPath(), Event: r.GetEvent(), Status: r.GetStatus(), Conclusion: r.GetConclusion(),
		Head: r.GetHeadSHA(), HeadBranch: r.GetHeadBranch(), HeadRepository: r.GetHeadRepository().GetFullName(), URL: r.GetHTMLURL(),
	}
	for _, p := range r.PullRequests {
		run.Pulls = append(run.Pulls, p.GetNumber())
	}
	return run, nil
}

// Rerun starts a run again with the same event and commit.
func (g *GitHub) Rerun(ctx context.Context, id int64) error {
	err := g.pace.write(ctx, func() error {
		_, err := g.client.Actions.RerunWorkflowByID(ctx, g.owner, g.repo, id)
		return err
	})
	return g.problem(fmt.Sprintf("rerun the run %d", id), "actions: write", err)
}

// Artifact is an archive of files that a run uploaded.
type Artifact struct {
	ID      int64
	Name    string
	Size    int64 // of the archive, in bytes
	Expired bool
}

// RunArtifacts returns all artifacts of a run.
func (g *GitHub) RunArtifacts(ctx context.Context, run int64) ([]Artifact, error) {
	found, err := pages(func(page github.ListOptions) ([]*github.Artifact, *github.Response, error) {
		some, answer, err := g.client.Actions.ListWorkflowRunArtifacts(ctx, g.owner, g.repo, run, &page)
		if err != nil {
			return nil, answer, err
		}
		return some.Artifacts, answer, nil
	})
	if err != nil {
		return nil, g.problem(fmt.Sprintf("read the artifacts of the run %d", run), "actions: read", err)
	}
	all := make([]Artifact, len(found))
	for i, a := range found {
		all[i] = Artifact{ID: a.GetID(), Name: a.GetName(), Size: a.GetSizeInBytes(), Expired: a.GetExpired()}
	}
	return all, nil
}

const storageHint = "check that the storage of artifacts can be reached from here"

// DownloadArtifact writes the zip archive of an artifact, of at most max bytes, to w. GitHub
// keeps archives on another host, which does not get the token.
func (g *GitHub) DownloadArtifact(ctx context.Context, id int64, w io.Writer, max int64) error {
	doing := fmt.Sprintf("download the artifact %d", id)
	address, err := g.archive(ctx, doing, id)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := g.plain
	client.Timeout = 0 // an archive takes as long as the context allows
	answer, err := client.Do(req)
	if err != nil {
		if contextEnded(err) {
			return err
		}
		return noAnswer(doing, storageHint, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		e := &Error{What: fmt.Sprintf("cannot %s: the storage returned %s", doing, answer.Status)}
		if IsTransient(answer.StatusCode) {
			return &TransientError{Err: e}
		}
		return e
	}
	n, err := io.Copy(w, io.LimitReader(answer.Body, max+1))
	switch {
	case n > max:
		return &Error{What: fmt.Sprintf("artifact %d has more than %d bytes", id, max), Err: ErrTooLarge}
	case err != nil && ctx.Err() == nil:
		return noAnswer(doing, storageHint, err)
	}
	return err
}

// archive returns the URL of an artifact, which is valid for a minute.
func (g *GitHub) archive(ctx context.Context, doing string, id int64) (string, error) {
	// The other client would send the token to the target of the redirect.
	req, err := g.client.NewRequest(ctx, http.MethodGet, fmt.Sprintf("repos/%s/%s/actions/artifacts/%d/zip", g.owner, g.repo, id), nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+g.o.Token)
	answer, err := g.plain.Do(req)
	if err != nil {
		return "", g.problem(doing, "actions: read", err)
	}
	defer func() { _ = answer.Body.Close() }()
	switch answer.StatusCode {
	case http.StatusFound, http.StatusTemporaryRedirect:
	case http.StatusGone:
		return "", &Error{What: "cannot " + doing + ": the artifact has expired", Advice: "run the workflow again", kinds: []error{ErrNotFound}}
	default:
		return "", g.problem(doing, "actions: read", github.CheckResponse(answer))
	}
	to, err := answer.Location()
	if err != nil {
		return "", &Error{What: "cannot " + doing + ": GitHub did not send its URL"}
	}
	if api, err := url.Parse(g.o.API); err == nil && to.Scheme != "https" && to.Scheme != api.Scheme {
		return "", &Error{What: "cannot " + doing + ": its URL is not https"}
	}
	return to.String(), nil
}
