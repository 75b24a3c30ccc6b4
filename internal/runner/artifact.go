package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/regreen-ci/regreen/internal/usererr"
)

const artifactService = "ArtifactService"

// Artifact describes an artifact of the workflow run.
type Artifact struct {
	ID      int64
	Name    string    // chosen by any job of the run, so never a path
	Size    int64     // of the zip; act's server returns something else
	Digest  string    // of the zip, "sha256:" and hexadecimal digits; "" if unknown
	Created time.Time // zero if unknown

	owner owner
}

// owner is the run and the job that uploaded an artifact, by their IDs in the results
// service.
type owner struct {
	Run string `json:"workflow_run_backend_id"`
	Job string `json:"workflow_job_run_backend_id"`
}

// UploadOptions changes how an artifact is uploaded. The zero value is valid.
type UploadOptions struct {
	RetentionDays int // at most what the repository allows, which is also the default
	// Replace replaces an artifact of the same name from another job. An earlier attempt of
	// this job is another job.
	Replace bool
}

// Upload makes an artifact of the regular files in a directory, without links. Artifacts
// are immutable, so Upload first deletes one of the same name from this job. If another job
// has uploaded one, the error is ErrExists unless Replace is set.
func (c *Client) Upload(ctx context.Context, name, dir string, opt UploadOptions) (Artifact, error) {
	made, err := c.upload(ctx, name, dir, opt)
	if err != nil {
		return Artifact{}, c.explain(fmt.Sprintf("cannot upload the artifact %q", name), err)
	}
	return made, nil
}

func (c *Client) upload(ctx context.Context, name, dir string, opt UploadOptions) (Artifact, error) {
	if err := c.needResults(); err != nil {
		return Artifact{}, err
	}
	if err := checkName(name); err != nil {
		return Artifact{}, err
	}
	file, remove, err := spool()
	if err != nil {
		return Artifact{}, err
	}
	defer remove()
	if err := Zip(file, dir); err != nil {
		return Artifact{}, err
	}
	sum, size, err := digest(file)
	if err != nil {
		return Artifact{}, err
	}
	signed, err := c.create(ctx, name, opt)
	if err != nil {
		return Artifact{}, err
	}
	if err := c.store(ctx, signed, file, size); err != nil {
		return Artifact{}, err
	}
	made := Artifact{Name: name, Size: size, Digest: "sha256:" + sum, Created: time.Now(), owner: owner{c.run, c.job}}
	made.ID, err = c.finalize(ctx, made)
	return made, err
}

// create creates an artifact, in place of an existing one, and returns the signed URL to
// upload it to. It lists existing artifacts only if the service reports one, because act's
// server fails if there is nothing to list.
func (c *Client) create(ctx context.Context, name string, opt UploadOptions) (string, error) {
	in := struct {
		owner
		Name      string     `json:"name"`
		ExpiresAt *time.Time `json:"expires_at,omitempty"`
		Version   int        `json:"version"`
	}{owner: owner{c.run, c.job}, Name: name, Version: 4}
	if days := opt.RetentionDays; days > 0 {
		if c.retention > 0 {
			days = min(days, c.retention)
		}
		end := time.Now().UTC().AddDate(0, 0, days)
		in.ExpiresAt = &end
	}
	var out struct {
		OK  bool   `json:"ok"`
		URL string `json:"signed_upload_url"`
	}
	err := c.twirp(ctx, artifactService, "CreateArtifact", in, &out)
	if exists(err) {
		if err := c.remove(ctx, name, opt.Replace); errors.Is(err, ErrExists) {
			return "", err
		} else if err != nil {
			return "", fmt.Errorf("cannot delete the existing artifact: %w", err)
		}
		err = c.twirp(ctx, artifactService, "CreateArtifact", in, &out)
	}
	if exists(err) {
		return "", &usererr.Error{What: "the existing artifact could not be replaced", Advice: "use a different name in each job", Err: ErrExists}
	}
	if err == nil && (!out.OK || out.URL == "") {
		err = errors.New("the service refused it without a reason")
	}
	return out.URL, err
}

// remove deletes the artifacts of a name, with others also those of other jobs.
func (c *Client) remove(ctx context.Context, name string, others bool) error {
	list, err := c.list(ctx, name)
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.owner.Job != c.job && !others {
			return &usererr.Error{What: "another job of the run uploaded one of that name", Advice: "use a different name in each job", Err: ErrExists}
		}
		in := struct {
			owner
			Name string `json:"name"`
		}{a.owner, a.Name}
		if err := c.twirp(ctx, artifactService, "DeleteArtifact", in, nil); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) finalize(ctx context.Context, a Artifact) (id int64, err error) {
	in := struct {
		owner
		Name string `json:"name"`
		Size string `json:"size"` // Protobuf encodes an int64 as a string
		Hash string `json:"hash"`
	}{a.owner, a.Name, fmt.Sprint(a.Size), a.Digest}
	var out struct {
		OK bool        `json:"ok"`
		ID json.Number `json:"artifact_id"` // a number or a string
	}
	if err := c.twirp(ctx, artifactService, "FinalizeArtifact", in, &out); err != nil {
		return 0, err
	}
	if !out.OK {
		return 0, errors.New("the service refused it after the upload")
	}
	return out.ID.Int64()
}

// Artifacts returns the artifacts of all jobs of this workflow run, sorted by name. If
// several have the same name, it returns the newest.
func (c *Client) Artifacts(ctx context.Context) ([]Artifact, error) {
	const what = "cannot list the artifacts of the run"
	if err := c.needResults(); err != nil {
		return nil, c.explain(what, err)
	}
	list, err := c.list(ctx, "")
	if err != nil {
		return nil, c.explain(what, err)
	}
	slices.SortFunc(list, func(a, b Artifact) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(b.ID, a.ID)) })
	return slices.CompactFunc(list, func(a, b Artifact) bool { return a.Name == b.Name }), nil
}

// list returns the artifacts of a name, "" for all.
func (c *Client) list(ctx context.Context, name string) ([]Artifact, error) {
	in := struct {
		owner
		Name string `json:"name_filter,omitempty"`
	}{owner{c.run, c.job}, name}
	var out struct {
		Artifacts []struct {
			owner
			ID      json.Number `json:"database_id"`
			Name    string      `json:"name"`
			Size    json.Number `json:"size"`
			Created time.Time   `json:"created_at"`
			Digest  string      `json:"digest"`
		} `json:"artifacts"`
	}
	if err := c.twirp(ctx, artifactService, "ListArtifacts", in, &out); err != nil {
		return nil, err
	}
	var list []Artifact
	for _, a := range out.Artifacts {
		id, err := a.ID.Int64()
		if err != nil {
			return nil, fmt.Errorf("artifact %q has no valid ID", c.clean(a.Name))
		}
		size, _ := a.Size.Int64() // left out if it is 0
		list = append(list, Artifact{ID: id, Name: a.Name, Size: size, Digest: a.Digest, Created: a.Created, owner: a.owner})
	}
	return list, nil
}

// Download unpacks an artifact that Artifacts or Upload returned into a new directory, like
// Unzip. If the digest differs from the one that the service lists, the error is ErrBroken.
func (c *Client) Download(ctx context.Context, a Artifact, dir string, lim Limits) error {
	if err := c.download(ctx, a, dir, lim); err != nil {
		return c.explain(fmt.Sprintf("cannot download the artifact %q", c.clean(a.Name)), err)
	}
	return nil
}

func (c *Client) download(ctx context.Context, a Artifact, dir string, lim Limits) error {
	if err := c.needResults(); err != nil {
		return err
	}
	in := struct {
		owner
		Name string `json:"name"`
	}{a.owner, a.Name}
	var out struct {
		URL string `json:"signed_url"`
	}
	if err := c.twirp(ctx, artifactService, "GetSignedArtifactURL", in, &out); err != nil {
		return err
	}
	file, remove, err := spool()
	if err != nil {
		return err
	}
	defer remove()
	sum, size, err := c.fetch(ctx, out.URL, file, lim.archive())
	if err != nil {
		return err
	}
	if want, ok := strings.CutPrefix(a.Digest, "sha256:"); ok && !strings.EqualFold(want, sum) {
		return fmt.Errorf("%w: expected SHA-256 %s, got %s", ErrBroken, c.clean(want), sum)
	}
	return Unzip(file, size, dir, lim)
}

// needResults returns why the results service is not available, or nil.
func (c *Client) needResults() error {
	switch {
	case c.results == "":
		return fmt.Errorf("%w: ACTIONS_RESULTS_URL is not set; GitHub Enterprise Server does not have it", ErrNoRuntime)
	case c.run == "" || c.job == "":
		return fmt.Errorf("%w: ACTIONS_RUNTIME_TOKEN does not contain the run and the job", ErrNoRuntime)
	}
	return nil
}

// explain adds what failed and a hint to an error.
func (c *Client) explain(what string, err error) error {
	var hinted *usererr.Error
	var refused *refusal
	var lost *cleaned
	hint := ""
	switch {
	case errors.As(err, &hinted): // keep that hint
	case errors.Is(err, ErrNoRuntime):
		hint = "GitHub offers these services to node and docker actions"
	case errors.Is(err, ErrBroken):
		hint = "nothing was unpacked; the upload may have been interrupted, or the archive is malicious"
	case errors.As(err, &refused) && (refused.status == 401 || refused.status == 403):
		hint = "the runtime token expires with its job and is read-only in a fork's pull request; a full storage quota also gives this status"
	case errors.As(err, &refused) && refused.temporary(), errors.As(err, &lost):
		hint = "the service may be down or unreachable from this runner: see githubstatus.com, then run the job again"
	}
	return &usererr.Error{What: what, Advice: hint, Err: err}
}

// checkName refuses artifact names that the service refuses.
func checkName(name string) error {
	const bad = "\":<>|*?\\/"
	if name == "" || len(name) > 255 || strings.ContainsAny(name, bad) || strings.ContainsFunc(name, unicode.IsControl) {
		return &usererr.Error{What: "invalid artifact name", Advice: `use 1 to 255 bytes, without " : < > | * ? \ / and control characters`}
	}
	return nil
}
