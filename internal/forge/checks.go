package forge

import (
	"context"

	"github.com/google/go-github/v92/github"
)

// GitHub's limits for a check run.
const (
	CheckSize        = 65_535 // bytes of a summary
	CheckTitle       = 255
	CheckAnnotations = 50 // in one request; later requests add more
)

const mayCheck = "checks: write"

// CheckRun is a completed check run of a commit.
type CheckRun struct {
	ID             int64
	Name, Head     string
	ExternalID     string // distinguishes it from others
	Conclusion     string // success, failure ...
	DetailsURL     string // may be empty
	Title, Summary string
	URL            string // of an existing one
	Annotated      int    // how many annotations it has
}

// Annotation is a remark on lines of a file.
type Annotation struct {
	Path           string
	Start, End     int
	Level          string // notice, warning or failure
	Title, Message string // Message is not empty
}

func (c *CheckRun) output(annotations []Annotation) *github.CheckRunOutput {
	out := &github.CheckRunOutput{Title: &c.Title, Summary: &c.Summary}
	for _, a := range annotations {
		out.Annotations = append(out.Annotations, &github.CheckRunAnnotation{
			Path: &a.Path, StartLine: &a.Start, EndLine: &a.End, AnnotationLevel: &a.Level, Title: &a.Title, Message: &a.Message,
		})
	}
	return out
}

// CheckRuns returns the check runs of a commit that have a name.
func (g *GitHub) CheckRuns(ctx context.Context, head, name string) ([]CheckRun, error) {
	found, err := pages(func(page github.ListOptions) ([]*github.CheckRun, *github.Response, error) {
		some, answer, err := g.client.Checks.ListCheckRunsForRef(ctx, g.owner, g.repo, head, &github.ListCheckRunsOptions{
			CheckName: &name, Filter: new("all"), ListOptions: page,
		})
		if err != nil {
			return nil, answer, err
		}
		return some.CheckRuns, answer, nil
	})
	if err != nil {
		return nil, g.problem("read the check runs", mayCheck, err)
	}
	all := make([]CheckRun, len(found))
	for i, c := range found {
		all[i] = CheckRun{
			ID: c.GetID(), Name: c.GetName(), Head: c.GetHeadSHA(), ExternalID: c.GetExternalID(), Conclusion: c.GetConclusion(),
			URL: c.GetHTMLURL(), Annotated: c.GetOutput().GetAnnotationsCount(),
		}
	}
	return all, nil
}

// CreateCheck creates a check run with the first annotations, and returns it with its ID and
// address.
func (g *GitHub) CreateCheck(ctx context.Context, c CheckRun, annotations []Annotation) (CheckRun, error) {
	opt := github.CreateCheckRunOptions{
		Name: c.Name, HeadSHA: c.Head, ExternalID: &c.ExternalID, Status: new("completed"), Conclusion: &c.Conclusion, Output: c.output(annotations),
	}
	if c.DetailsURL != "" {
		opt.DetailsURL = &c.DetailsURL
	}
	err := g.pace.write(ctx, func() error {
		made, _, err := g.client.Checks.CreateCheckRun(ctx, g.owner, g.repo, opt)
		c.ID, c.URL = made.GetID(), made.GetHTMLURL()
		return err
	})
	return c, g.problem("create a check run", mayCheck, err)
}

// AnnotateCheck adds annotations to a check run.
func (g *GitHub) AnnotateCheck(ctx context.Context, c CheckRun, annotations []Annotation) error {
	err := g.pace.write(ctx, func() error {
		_, _, err := g.client.Checks.UpdateCheckRun(ctx, g.owner, g.repo, c.ID, github.UpdateCheckRunOptions{
			Name: c.Name, Status: new("completed"), Conclusion: &c.Conclusion, Output: c.output(annotations),
		})
		return err
	})
	return g.problem("add annotations to the check run", mayCheck, err)
}
