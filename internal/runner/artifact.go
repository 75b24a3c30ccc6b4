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

// Artifact is one of the workflow run, as the service tells of it.
type Artifact struct {
	ID      int64
	Name    string    // given by any job of the run: not to be used as a path
	Size    int64     // of the zip; act's server says something else
	Digest  string    // of the zip, "sha256:" and hexadecimal digits; "" where the service does not say
	Created time.Time // zero where the service does not say

	owner owner
}

// owner is who made an artifact, by the names of the results service.
type owner struct {
	Run string `json:"workflow_run_backend_id"`
	Job string `json:"workflow_job_run_backend_id"`
}

// UploadOptions changes how an artifact is made. The zero value is good.
type UploadOptions struct {
	RetentionDays int // 0 for what the repository has; never more than it allows
	// Replace has an artifact of the name go that another job has made: this job's earlier
	// attempt counts as another.
	Replace bool
}

// Upload makes an artifact of a folder's regular files: links are left out. Artifacts
// are immutable, so that one of the same name that this job has made already is deleted
// first; one of another job's is ErrExists, unless Replace is set.
func (c *Client) Upload(ctx context.Context, name, dir string, opt UploadOptions) (Artifact, error) {
	made, err := c.upload(ctx, name, dir, opt)
	if err != nil {
		return Artifact{}, c.failed(fmt.Sprintf("the artifact %q cannot be uploaded", name), err)
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

// create announces an artifact, in place of one of that name, and gives the signed URL
// to store it at. Whether there is one is only asked when the service says so: act's
// fails on a list of none.
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
			return "", fmt.Errorf("the one of that name that the run has cannot be deleted: %w", err)
		}
		err = c.twirp(ctx, artifactService, "CreateArtifact", in, &out)
	}
	if exists(err) {
		return "", &usererr.Error{What: "the run has one of that name that does not go away", Advice: "give those of other jobs other names", Err: ErrExists}
	}
	if err == nil && (!out.OK || out.URL == "") {
		err = errors.New("the service refused it without a reason")
	}
	return out.URL, err
}

// remove deletes what the run has of that name, of other jobs too if that is wanted.
func (c *Client) remove(ctx context.Context, name string, others bool) error {
	list, err := c.list(ctx, name)
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.owner.Job != c.job && !others {
			return &usererr.Error{What: "another job of the run has made one of that name", Advice: "give each job a name of its own", Err: ErrExists}
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
		Size string `json:"size"` // Protobuf has an int64 as a string
		Hash string `json:"hash"`
	}{a.owner, a.Name, fmt.Sprint(a.Size), a.Digest}
	var out struct {
		OK bool        `json:"ok"`
		ID json.Number `json:"artifact_id"` // a number or a string of one
	}
	if err := c.twirp(ctx, artifactService, "FinalizeArtifact", in, &out); err != nil {
		return 0, err
	}
	if !out.OK {
		return 0, errors.New("the service did not take it after it was uploaded")
	}
	return out.ID.Int64()
}

// Artifacts gives those of this workflow run, of all its jobs, by name. Of several of a
// name it is the newest.
func (c *Client) Artifacts(ctx context.Context) ([]Artifact, error) {
	const what = "the artifacts of the run cannot be listed"
	if err := c.needResults(); err != nil {
		return nil, c.failed(what, err)
	}
	list, err := c.list(ctx, "")
	if err != nil {
		return nil, c.failed(what, err)
	}
	slices.SortFunc(list, func(a, b Artifact) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(b.ID, a.ID)) })
	return slices.CompactFunc(list, func(a, b Artifact) bool { return a.Name == b.Name }), nil
}

// list gives the artifacts of a name, "" for all.
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
			return nil, fmt.Errorf("the service lists an artifact without a number: %q", c.clean(a.Name))
		}
		size, _ := a.Size.Int64() // left out where it is 0
		list = append(list, Artifact{ID: id, Name: a.Name, Size: size, Digest: a.Digest, Created: a.Created, owner: a.owner})
	}
	return list, nil
}

// Download unpacks an artifact of Artifacts, or of Upload, into a folder, which it makes:
// Unzip tells how. What has another digest than the service says is not unpacked.
func (c *Client) Download(ctx context.Context, a Artifact, dir string, lim Limits) error {
	if err := c.download(ctx, a, dir, lim); err != nil {
		return c.failed(fmt.Sprintf("the artifact %q cannot be downloaded", c.clean(a.Name)), err)
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
		return fmt.Errorf("%w: its SHA-256 is %s, and the service says %s", ErrBroken, sum, c.clean(want))
	}
	return Unzip(file, size, dir, lim)
}

// needResults tells why the results service cannot be used, if it cannot.
func (c *Client) needResults() error {
	switch {
	case c.results == "":
		return fmt.Errorf("%w: there is no ACTIONS_RESULTS_URL, as on GitHub Enterprise Server", ErrNoRuntime)
	case c.run == "" || c.job == "":
		return fmt.Errorf("%w: ACTIONS_RUNTIME_TOKEN does not say of which run and job it is", ErrNoRuntime)
	}
	return nil
}

// failed is an error for the caller, with what can be done about it.
func (c *Client) failed(what string, err error) error {
	var said *usererr.Error
	var refused *refusal
	var lost *cleaned
	hint := ""
	switch {
	case errors.As(err, &said): // has its own
	case errors.Is(err, ErrNoRuntime):
		hint = "GitHub gives actions that run by node or docker what it takes"
	case errors.Is(err, ErrBroken):
		hint = "nothing was unpacked; whoever made the archive may have been interrupted, or means harm"
	case errors.As(err, &refused) && (refused.status == 401 || refused.status == 403):
		hint = "the runtime token ends with its job, and that of a fork's pull request may read only; a full storage quota is refused like this, too"
	case errors.As(err, &refused) && refused.mayPass(), errors.As(err, &lost):
		hint = "the service may be out of order, or out of this runner's reach: see githubstatus.com, and run the job again"
	}
	return &usererr.Error{What: what, Advice: hint, Err: err}
}

// checkName refuses the names of artifacts that the service refuses.
func checkName(name string) error {
	const bad = "\":<>|*?\\/"
	if name == "" || len(name) > 255 || strings.ContainsAny(name, bad) || strings.ContainsFunc(name, unicode.IsControl) {
		return &usererr.Error{What: "that is no name of an artifact", Advice: `it has 1 to 255 bytes, none of " : < > | * ? \ / and no control characters`}
	}
	return nil
}
