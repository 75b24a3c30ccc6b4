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

// ownBranches is what the names of branches of regreen's own begin with.
const ownBranches = "regreen/"

// proposal is what a pull request with fixes is made of.
type proposal struct {
	branch  string // a new one
	patches []*report.Patch
	files   map[string]forge.File
}

// PullRequest proposes the verified patches as a draft pull request from a branch of
// their own, where the tests ran on a branch and for no pull request. editable tells
// which files a patch may change; branch is the one that was tested, at the commit Head.
//
// The permission to write is the switch: without it nothing is proposed. The same patches
// are proposed once, whatever became of that.
func (g *GitHub) PullRequest(branch string, editable func(path string) (ok bool, reason string)) Channel {
	return g.channel(channels.PullRequest, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		if strings.HasPrefix(branch, ownBranches) {
			return skip("the branch is regreen's own", ""), nil
		}
		chosen, degraded := proposable(r)
		if len(chosen) == 0 {
			return skip(cmp.Or(strings.Join(degraded, "; "), "there is no verified patch to propose"), ""), nil
		}
		p := &proposal{branch: proposalBranch(branch, chosen)}
		if receipt, there, err := g.proposed(ctx, p.branch); there || err != nil {
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
			return skip(strings.Join(degraded, "; "), "the artifact has the patch"), nil
		}
		p.files = files.now
		where, err := g.propose(ctx, r, branch, p)
		if errors.Is(err, forge.ErrDenied) || errors.Is(err, forge.ErrProtected) {
			return skip(err.Error(), usererr.Hint(err)), nil
		}
		return report.Receipt{Where: where, Degraded: degraded}, err
	})
}

// proposable are the patches to propose: of each cause the best, if it can be told.
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

// proposalBranch is the same for the same patches of a branch.
func proposalBranch(base string, patches []*report.Patch) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", base)
	for _, p := range patches {
		fmt.Fprintf(h, "%s\x00", p.Diff)
	}
	return fmt.Sprintf("%s%x", ownBranches, h.Sum(nil)[:6])
}

// proposed tells whether the patches were proposed before.
func (g *GitHub) proposed(ctx context.Context, branch string) (receipt report.Receipt, there bool, err error) {
	pulls, err := g.site.PullsOf(ctx, branch)
	if errors.Is(err, forge.ErrDenied) {
		return skip(err.Error(), usererr.Hint(err)), true, nil
	}
	if err != nil || len(pulls) == 0 {
		return report.Receipt{}, false, err
	}
	receipt = skip("it was proposed before, and the pull request was closed or merged", "open it again to have it after all, or merge what it is for")
	receipt.Where = pulls[0].URL
	for _, p := range pulls {
		if p.Open {
			receipt = skip("it is proposed already, by a pull request that is open", "")
			receipt.Where = p.URL
		}
	}
	return receipt, true, nil
}

// propose makes the branch and the pull request.
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
		return "", fmt.Errorf("the branch %s is there, and no pull request: %w", p.branch, err)
	}
	return pull.URL, err
}

func (g *GitHub) proposalBody(r *report.Report, p *proposal, login string) string {
	head := "This pull request has the fix that is told below.\n"
	if len(p.patches) > 1 {
		head = fmt.Sprintf("This pull request has the %d fixes that are told below. Each was verified by itself.\n", len(p.patches))
	}
	if login == forge.ActionsBot {
		head += "\nIt was made with the workflow's own token, so GitHub does not run its checks by itself: they wait for somebody to approve them, or start when it is closed and opened again. With the token of an App they start at once.\n"
	} else {
		head += "\nIt was made with the token of " + report.Code(login) + ", so its checks start by themselves.\n"
	}
	foot := ""
	if isLink(g.o.Link) {
		foot = "\n[The run](" + g.o.Link + ")\n"
	}
	here := map[string]bool{}
	for _, c := range p.patches {
		here[c.ID] = true
	}
	otherwise := g.o.Landing.ways("", nil)
	text, _ := markdown(r, forge.CommentSize-len(head)-len(foot)-1, report.MarkdownOptions{Landing: func(c *report.Patch) string {
		if here[c.ID] {
			return "This pull request has it.\n"
		}
		return otherwise(c)
	}})
	return head + "\n" + text + foot
}

var (
	acting    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^\p{L}\p{N} .,()'_/<>=+*%|&-]+`) })
	reference = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\bgh-`) })
)

// PlainWords is text of others for a commit's message or a title, in words that mean
// nothing to GitHub: they mention nobody, close nothing, and skip no checks.
func PlainWords(text string, columns int) string {
	text = acting().ReplaceAllString(report.OneLine(text, columns), " ")
	return strings.Join(strings.Fields(reference().ReplaceAllString(text, "gh ")), " ")
}

// proposalTitle says what patches do.
func proposalTitle(patches []*report.Patch) string {
	text := "regreen: " + cmp.Or(PlainWords(patches[0].Title, 80), "a fix for tests that fail")
	if n := len(patches) - 1; n > 0 {
		text += fmt.Sprintf(", and %d more", n)
	}
	return text
}
