package report

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"github.com/regreen-ci/regreen/internal/patch"
)

// The parts of a fix in a SARIF log.
type (
	sarifFix struct {
		Description sarifText     `json:"description"`
		Changes     []sarifChange `json:"artifactChanges"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		Deleted  sarifRegion `json:"deletedRegion"`
		Inserted *sarifText  `json:"insertedContent,omitempty"`
	}
)

// sarifFixOf returns a patch as replacements of whole lines. ok is false for what SARIF
// cannot express: files that are created, deleted or renamed, and changes at the end of a
// file, where a region depends on the final newline. It is also false for a diff that cannot
// be parsed or is redacted.
func sarifFixOf(p *Patch) (fix sarifFix, ok bool) {
	files, err := patch.Parse([]byte(p.Diff))
	if err != nil || len(files) == 0 || p.Redacted {
		return sarifFix{}, false
	}
	fix.Description = sarifText{unlinked(cmp.Or(p.Title, p.Strategy, p.ID))}
	for _, f := range files {
		if f.New || f.Delete || f.Rename || f.Copy || f.Binary || f.OldName != f.NewName || f.OldMode != f.NewMode || len(f.Hunks) == 0 {
			return sarifFix{}, false
		}
		change := sarifChange{Artifact: sarifFile(f.Name())}
		for _, h := range f.Hunks {
			replaced, ok := sarifReplacements(h)
			if !ok {
				return sarifFix{}, false
			}
			change.Replacements = append(change.Replacements, replaced...)
		}
		fix.Changes = append(fix.Changes, change)
	}
	return fix, true
}

// sarifReplacements returns the changes of a hunk, each from the start of a line to the
// start of another. ok is false if a change can reach the end of the file, or JSON cannot
// hold it.
func sarifReplacements(h patch.Hunk) (all []sarifReplacement, ok bool) {
	if h.Anywhere || len(h.Lines) == 0 || h.Lines[len(h.Lines)-1].Op != patch.Context {
		return nil, false
	}
	line := h.OldStart
	for i := 0; i < len(h.Lines); {
		if h.Lines[i].Op == patch.Context {
			i++
			line++
			continue
		}
		start := line
		var inserted strings.Builder
		for ; h.Lines[i].Op != patch.Context; i++ { // the last line is context
			if h.Lines[i].Op == patch.Delete {
				line++
			} else {
				inserted.WriteString(h.Lines[i].Text)
			}
		}
		if !utf8.ValidString(inserted.String()) {
			return nil, false
		}
		r := sarifReplacement{Deleted: sarifRegion{StartLine: start, StartColumn: 1, EndLine: line, EndColumn: 1}}
		if inserted.Len() > 0 {
			r.Inserted = &sarifText{inserted.String()}
		}
		all = append(all, r)
	}
	return all, true
}
