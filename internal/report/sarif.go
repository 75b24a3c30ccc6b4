package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/plural"
)

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	sarifRoot   = "%SRCROOT%"
	// sarifResults is GitHub's limit for the results of a run.
	sarifResults = 25_000
	// sarifSuspects is the limit for the suspects of a failure.
	sarifSuspects = 10
)

// The parts of a SARIF log that regreen fills in.
type (
	sarifRule struct {
		ID      string     `json:"id"`
		Short   sarifText  `json:"shortDescription"`
		Default sarifLevel `json:"defaultConfiguration"`
	}
	sarifLevel struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		Rule         string            `json:"ruleId"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations,omitempty"`
		Related      []sarifLocation   `json:"relatedLocations,omitempty"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Fixes        []sarifFix        `json:"fixes,omitempty"`
		Properties   map[string]any    `json:"properties,omitempty"`
	}
	sarifLocation struct {
		ID       int            `json:"id,omitempty"`
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
		Message  *sarifText     `json:"message,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Start         string              `json:"startTimeUtc,omitempty"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
)

// SARIF writes the failures as a SARIF 2.1.0 log of one run: a rule for each kind of
// failure, and a result for each failure (an error if it is new, a warning if it is flaky,
// otherwise a note). Fingerprints are stable across runs, whatever line a test is on. The
// first failure of a cluster also has the suspects, and the best patch as a fix if it is
// verified and SARIF can express it exactly. GitHub accepts 25,000 results: if there are
// more failures, the least severe are left out, and a notification counts them.
func SARIF(w io.Writer, r *Report) error {
	failures, left := mostSevere(r.Failures)
	s := newJSONStream(w)
	s.text(`{"$schema":"` + sarifSchema + `","version":"2.1.0","runs":[{"tool":{"driver":{"name":"regreen"`)
	if version := Visible(r.Version); version != "" {
		s.field("version", version)
	}
	s.field("rules", sarifRules(failures))
	s.text(`}}`)
	s.field("automationDetails", map[string]string{"id": "regreen/" + Visible(r.ID)})
	s.field("invocations", []sarifInvocation{sarifInvocationOf(r, left)})
	s.field("properties", map[string]string{"verdict": string(r.Verdict), "summary": Summary(r)})
	s.text(",\n" + `"results":[`)
	leads := r.leads()
	for i, f := range failures {
		s.item(i, sarifResultOf(r, f, leads[f]))
	}
	s.text("]}]}\n")
	if err := s.flush(); err != nil {
		return fmt.Errorf("sarif: %w", err)
	}
	return nil
}

// severity returns the index of the failure's level in a list such as sarifLevels, which has
// the most severe level first.
func (f *Failure) severity() int {
	switch f.Status {
	case FailureNew:
		return 0
	case FailureFlaky:
		return 1
	}
	return 2
}

var sarifLevels = [...]string{"error", "warning", "note"}

// mostSevere returns as many failures as GitHub accepts, the most severe first, and how
// many are left out.
func mostSevere(all []Failure) (kept []*Failure, left int) {
	for i := range all {
		kept = append(kept, &all[i])
	}
	slices.SortStableFunc(kept, func(a, b *Failure) int { return a.severity() - b.severity() })
	left = max(len(kept)-sarifResults, 0)
	return kept[:len(kept)-left], left
}

// leads maps the first failure of each cluster to the cluster's story.
func (r *Report) leads() map[*Failure]*story {
	first := map[*Cluster]*Failure{}
	for i := range r.Failures {
		f := &r.Failures[i]
		if f.Cluster < 1 || f.Cluster > len(r.Clusters) || f.Status == FailureKnown || f.Status == FailureFlaky {
			continue
		}
		if c := &r.Clusters[f.Cluster-1]; first[c] == nil {
			first[c] = f
		}
	}
	leads := map[*Failure]*story{}
	for _, s := range r.stories() {
		if f := first[s.cluster]; f != nil {
			leads[f] = &s
		}
	}
	return leads
}

func sarifKind(f *Failure) string { return cmp.Or(Visible(f.Kind), "failure") }

func sarifRules(failures []*Failure) []sarifRule {
	kinds := map[string]bool{}
	for _, f := range failures {
		kinds[sarifKind(f)] = true
	}
	rules := []sarifRule{}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		rules = append(rules, sarifRule{
			"test/" + kind, sarifText{"A test fails: " + kind}, sarifLevel{"error"},
		})
	}
	return rules
}

func sarifInvocationOf(r *Report, left int) sarifInvocation {
	i := sarifInvocation{Successful: r.Verdict != NotRun}
	if !r.Started.IsZero() {
		i.Start = r.Started.UTC().Format(time.RFC3339)
	}
	notify := func(level, text string) {
		if text = Visible(text); text != "" {
			i.Notifications = append(i.Notifications, sarifNotification{level, sarifText{text}})
		}
	}
	if p := r.Problem; p != nil {
		notify("error", p.What)
		notify("note", p.Hint)
	}
	if left > 0 {
		notify("warning", plural.Count(left, "more failure")+" left out: GitHub's limit is "+plural.Thousands(sarifResults))
	}
	for _, note := range r.notDone() {
		notify("note", note)
	}
	return i
}

func sarifResultOf(r *Report, f *Failure, lead *story) *sarifResult {
	kind := "function"
	if f.Test == "" {
		kind = "module"
	}
	name := cmp.Or(Visible(f.ID), f.name(), "unknown")
	place := sarifPlace(Span{File: f.File, Start: f.Line})
	if place == nil {
		place = &sarifPhysical{Artifact: sarifArtifact{".", sarifRoot}} // GitHub refuses logs with results that have no location
	}
	res := &sarifResult{
		Rule: "test/" + sarifKind(f), Level: sarifLevels[f.severity()],
		Message:      sarifText{unlinked(name + ": " + cmp.Or(f.Text(), "failed without a message"))},
		Locations:    []sarifLocation{{Physical: place, Logical: []sarifLogical{{name, kind}}}},
		Fingerprints: map[string]string{"regreen/v1": fingerprint(f)},
		Properties:   map[string]any{"status": f.Status},
	}
	if lead == nil {
		return res
	}
	for i, s := range r.Suspects[:min(len(r.Suspects), sarifSuspects)] {
		if place := sarifPlace(s.Span); place != nil {
			why := fmt.Sprintf("suspiciousness %.2f: %s", s.Score, strings.Join(s.Why, ", "))
			res.Related = append(res.Related, sarifLocation{ID: i + 1, Physical: place, Message: &sarifText{unlinked(why)}})
		}
	}
	if best := lead.best; best != nil && best.State == PatchVerified {
		res.Properties["patch"] = best.ID
		if fix, ok := sarifFixOf(best); ok && !best.Applied {
			res.Fixes = []sarifFix{fix}
		}
	}
	return res
}

// fingerprint returns an ID of the failure that is the same in every run, whatever its
// message and line.
func fingerprint(f *Failure) string {
	sum := sha256.Sum256([]byte(f.Package + "\x00" + f.Test + "\x00" + f.Kind))
	return hex.EncodeToString(sum[:16])
}

// unlinked breaks every [link](target) in s, which viewers of SARIF would follow.
func unlinked(s string) string { return strings.ReplaceAll(Visible(s), "](", "]"+zwsp+"(") }

// sarifPlace returns a place in the tree, or nil if it is unknown.
func sarifPlace(s Span) *sarifPhysical {
	if s.File == "" {
		return nil
	}
	p := &sarifPhysical{Artifact: sarifFile(s.File)}
	if s.Start > 0 {
		p.Region = &sarifRegion{StartLine: s.Start}
		if s.End > s.Start {
			p.Region.EndLine = s.End
		}
	}
	return p
}

// sarifFile returns a file of the tree as a relative URI.
func sarifFile(name string) sarifArtifact {
	u := url.URL{Path: strings.ToValidUTF8(name, "\ufffd")}
	return sarifArtifact{u.String(), sarifRoot}
}
