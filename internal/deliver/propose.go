package deliver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/forge"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// ownBranches is the prefix of regreen's own branches.
const ownBranches = "regreen/"

// proposal is the content of a pull request with fixes.
type proposal struct {
	branch  string // to create
	patches []*report.Patch
	files   map[string]forge.File
}

// PullRequest proposes the verified patches as a draft pull request from a new branch, if the
// tests ran on a branch rather than for a pull request. Editable reports which files a patch
// may change; branch is the one that was tested, at the commit Head.
//
// Without the permission to write, nothing is proposed. The same patches are proposed only once,
// whatever happened to that pull request.
func (g *GitHub) PullRequest(branch string, editable func(path string) (ok bool, reason string)) Channel {
	return g.channel(channels.PullRequest, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		if strings.HasPrefix(branch, ownBranches) {
			return skip("the branch is one of regreen's own", ""), nil
		}
		chosen, degraded := proposable(r)
		if len(chosen) == 0 {
			return skip(cmp.Or(strings.Join(degraded, "; "), "no verified patch to propose"), ""), nil
		}
		p := &proposal{branch: proposalBranch(branch, chosen)}
		if receipt, found, err := g.proposed(ctx, p.branch); found || err != nil {
			return receipt, err
		}
		files := &blobs{g: g.site, commit: g.o.Head, exact: true, editable: editable, now: map[string]forge.File{}}
		for _, c := range chosen {
			if err := files.apply(ctx, c); err != nil {
				if t := (*forge.TransientError)(nil); errors.As(err, &t) || ctx.Err() != nil {
					return report.Receipt{}, err
				}
				degraded = append(degraded, fmt.Sprintf("%s is not proposed: %s", report.Brief(c.ID), report.Brief(usererr.OneLine(err))))
				continue
			}
			p.patches = append(p.patches, c)
		}
		if len(p.patches) == 0 {
			return skip(strings.Join(degraded, "; "), "take the patch from the artifact"), nil
		}
		p.files = files.now
		where, err := g.propose(ctx, r, branch, p)
		if errors.Is(err, forge.ErrDenied) || errors.Is(err, forge.ErrProtected) {
			return skip(err.Error(), usererr.Hint(err)), nil
		}
		return report.Receipt{Where: where, Degraded: degraded}, err
	})
}

// proposable returns the patches to propose: the best one for each cause, unless it had a secret.
func proposable(r *report.Report) (chosen []*report.Patch, degraded []string) {
	for _, p := range candidates(r) {
		switch {
		case p.Redacted:
			degraded = append(degraded, fmt.Sprintf("%s is not proposed: %v", report.Brief(p.ID), errSecret))
		case p.Rank == 1:
			chosen = append(chosen, p)
		}
	}
	return chosen, degraded
}

// proposalBranch returns the name of the new branch, always the same for the same patches.
func proposalBranch(base string, patches []*report.Patch) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", base)
	for _, p := range patches {
		fmt.Fprintf(h, "%s\x00", p.Diff)
	}
	return fmt.Sprintf("%s%x", ownBranches, h.Sum(nil)[:6])
}

// proposed reports whether the patches were proposed before, with the receipt for that.
func (g *GitHub) proposed(ctx context.Context, branch string) (receipt report.Receipt, found bool, err error) {
	pulls, err := g.site.PullsOf(ctx, branch)
	if errors.Is(err, forge.ErrDenied) {
		return skip(err.Error(), usererr.Hint(err)), true, nil
	}
	if err != nil || len(pulls) == 0 {
		return report.Receipt{}, false, err
	}
	receipt = skip("already proposed, in a pull request that was closed or merged", "reopen it if you still want the fix")
	receipt.Where = pulls[0].URL
	for _, p := range pulls {
		if p.Open {
			receipt = skip("already proposed, in an open pull request", "")
			receipt.Where = p.URL
		}
	}
	return receipt, true, nil
}

// propose creates the branch and the pull request.
func (g *GitHub) propose(ctx context.Context, r *report.Report, base string, p *proposal) (where string, err error) {
	title := proposalTitle(p.patches)
	message := title + "\n\nVerified by regreen"
	if plainIDs().MatchString(r.ID) {
		message += " in its run " + r.ID
	}
	_, err = g.site.Commit(ctx, forge.Commit{Branch: p.branch, New: true, Parent: g.o.Head, Message: message + ".\n", Files: p.files})
	if err != nil {
		return "", err
	}
	login, err := g.site.Login(ctx)
	if err != nil {
		return "", err
	}
	pull, err := g.site.OpenPull(ctx, forge.PullDraft{Head: p.branch, Base: base, Title: title, Body: g.proposalBody(r, p, login)})
	if errors.Is(err, forge.ErrDenied) {
		return "", fmt.Errorf("the branch %s was created, but no pull request: %w", p.branch, err)
	}
	return pull.URL, err
}

func (g *GitHub) proposalBody(r *report.Report, p *proposal, login string) string {
	head := "This pull request applies the fix described below.\n"
	if len(p.patches) > 1 {
		head = fmt.Sprintf("This pull request applies the %d fixes described below. Each was verified on its own.\n", len(p.patches))
	}
	if login == forge.ActionsBot {
		head += "\nIt was opened with the workflow's own token, so GitHub does not run its checks automatically: approve them, or close and reopen the pull request. With the token of a GitHub App they start immediately.\n"
	} else {
		head += "\nIt was opened with the token of " + report.Code(login) + ", so its checks start automatically.\n"
	}
	foot := ""
	if isLink(g.o.Link) {
		foot = "\n[The run](" + g.o.Link + ")\n"
	}
	included := map[string]bool{}
	for _, c := range p.patches {
		included[c.ID] = true
	}
	otherwise := g.o.Landing.instructions("", nil)
	text, _ := markdown(r, forge.CommentSize-len(head)-len(foot)-1, report.MarkdownOptions{Landing: func(c *report.Patch) string {
		if included[c.ID] {
			return "This pull request applies it.\n"
		}
		return otherwise(c)
	}})
	return head + "\n" + text + foot
}

var (
	unsafe    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^\p{L}\p{N} .,()'_/<>=+*%|&-]+`) })
	reference = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\bgh-`) })
)

// PlainWords returns untrusted text for a commit message or a title, without what GitHub acts
// on: it mentions nobody, closes nothing and skips no checks.
func PlainWords(text string, columns int) string {
	text = unsafe().ReplaceAllString(report.OneLine(text, columns), " ")
	return strings.Join(strings.Fields(reference().ReplaceAllString(text, "gh ")), " ")
}

// proposalTitle returns a title that says what the patches do.
func proposalTitle(patches []*report.Patch) string {
	text := "regreen: " + cmp.Or(PlainWords(patches[0].Title, 80), "fix failing tests")
	if n := len(patches) - 1; n > 0 {
		text += fmt.Sprintf(", and %d more", n)
	}
	return text
}
