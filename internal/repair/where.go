package repair

import (
	"context"

	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/repo"
)

// Where collects the facts about the repository that package detect needs, and returns the
// environment that it detects.
func Where(ctx context.Context, rp *repo.Repo, in detect.Input) (detect.Environment, error) {
	facts, err := rp.Facts(ctx)
	if err != nil {
		return detect.Environment{}, err
	}
	in.Git = detect.Git{
		Root: rp.Root(), Branch: facts.Branch, Head: facts.Head,
		Upstream: facts.Upstream, UpstreamBase: facts.UpstreamBase,
		DefaultBranch: facts.DefaultBranch, DefaultBase: facts.DefaultBase,
		OrigHead: facts.OrigHead, RemoteURL: remoteURL(facts),
		MergeInProgress: facts.MergeHead,
		Rebasing:        facts.Operation == "rebase" || facts.Operation == "am",
		CherryPicking:   facts.Operation == "cherry-pick" || facts.Operation == "revert",
		Bisecting:       facts.Operation == "bisect",
		Shallow:         facts.Shallow,
	}
	return detect.Detect(in), nil
}

func remoteURL(f repo.Facts) string {
	if f.Host == "" {
		return ""
	}
	return "https://" + f.Host + "/" + f.Slug
}
