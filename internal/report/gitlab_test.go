package report

import (
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"
)

// gitLabReferences matches what GitLab turns into a link, a mention, an image or markup in
// rendered text.
var gitLabReferences = regexp.MustCompile(`(?i)@[a-z0-9_]|#[0-9]|![0-9]|~[a-z0-9_"]|%[a-z0-9_"]|\$[0-9]|&[0-9]|:[a-z0-9_+-]+:|\[[a-z_]+:[0-9]|\^alert#|\*iteration:|[{\[][+-]|\[\[|\[_?toc_?\]|://|\bwww\.`)

// activeOnGitLab returns what GitLab would act on in a text, or "".
func activeOnGitLab(markdown string) string {
	if m := regexp.MustCompile(`(?m)^/.*`).FindString(markdown); m != "" {
		return m // possibly a quick action, even in a code block
	}
	source := []byte(markdown)
	doc := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	found := ""
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering || n.Type() != ast.TypeBlock || n.FirstChild() == nil || n.FirstChild().Type() != ast.TypeInline {
			return ast.WalkContinue, nil
		}
		var b strings.Builder
		_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
			switch n := n.(type) {
			case *ast.CodeSpan:
				b.WriteString(" ")
				return ast.WalkSkipChildren, nil
			case *ast.Text:
				if entering {
					b.Write(n.Segment.Value(source))
				}
			}
			return ast.WalkContinue, nil
		})
		rendered := regexp.MustCompile(`\\([!-/:-@\[-`+"`"+`{-~])`).ReplaceAllString(b.String(), "$1")
		if m := gitLabReferences.FindString(rendered); m != "" {
			found = m + " in " + rendered
		}
		return ast.WalkSkipChildren, nil
	})
	return found
}

// TestMarkdownOnGitLab checks that GitLab acts on nothing in any report, and that the
// Markdown is still valid and short enough.
func TestMarkdownOnGitLab(t *testing.T) {
	t.Parallel()
	acting := rapid.SampledFrom([]string{
		"/close", "x\n/close\n/merge", "```\n/close\n```\n/merge", "\r\n/assign @me", "!12", "acme/fleet!12", "~bug", `~"a b"`, "%1.0", "$12", "&12", ":tada:", "a:+1:b",
		"[vulnerability:1]", "[issue:1]", "^alert#1", "*iteration:1", "{+ new +}", "[- old -]", "[[_TOC_]]", "[TOC]", "@all", "#1", "https://evil.example", "<b>", "`", "``", "\\", "\\!1", "%{x}",
	})
	hostile := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.OneOf(acting, rapid.String(), rapid.SampledFrom([]string{" ", "\n", "a", "1"})), 1, 8).Draw(t, "parts"), "")
	})
	rapid.Check(t, func(t *rapid.T) {
		r := reports().Draw(t, "report")
		r.Command, r.Environment.Branch, r.Notes = hostile.Draw(t, "command"), hostile.Draw(t, "branch"), []string{hostile.Draw(t, "note"), hostile.Draw(t, "other note")}
		r.Environment.ModeReasons = []string{hostile.Draw(t, "reason")}
		for i := range r.Failures {
			r.Failures[i].Message, r.Failures[i].Output = hostile.Draw(t, "message"), hostile.Draw(t, "output")
		}
		for i := range r.Patches {
			r.Patches[i].Title, r.Patches[i].Diff, r.Patches[i].Reason = hostile.Draw(t, "title"), hostile.Draw(t, "diff"), hostile.Draw(t, "reason")
		}
		for i := range r.Clusters {
			r.Clusters[i].Cause = hostile.Draw(t, "cause")
		}
		size := rapid.IntRange(smallestSize*2, 30_000).Draw(t, "size")
		markdown := Markdown(r, MarkdownOptions{MaxBytes: size, GitLab: true})
		if len(markdown) > size {
			t.Fatalf("%d bytes, more than %d", len(markdown), size)
		}
		if found := activeOnGitLab(markdown); found != "" {
			t.Fatalf("%q in:\n%s", found, markdown)
		}
		readMarkdown(t, markdown)
	})
}

// TestActiveOnGitLab checks the helper.
func TestActiveOnGitLab(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"/close", "a\n/close", "```\n/close\n```", "see !12", "~bug", "\\~bug", "%1", "\\$12", "\\&12", ":tada:", "\\[vulnerability:1\\]", "\\{+ a +\\}", "| a |\n| - |\n| !1 |"} {
		if activeOnGitLab(bad) == "" {
			t.Errorf("activeOnGitLab misses %q", bad)
		}
	}
	for _, good := range []string{"`!12`", "```\n!12 ~bug\n```", "a / b", "! 12", "100%", "### Patch: x"} {
		if found := activeOnGitLab(good); found != "" {
			t.Errorf("%q: %s", good, found)
		}
	}
}
