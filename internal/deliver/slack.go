package deliver

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/regreen-ci/regreen/internal/report"
)

// Slack's limits are 50 blocks, 150 characters in a header and 3,000 in a section. Other chats
// that accept its messages mostly allow fewer blocks.
const (
	slackHeader   = 150
	slackSection  = 2_900
	slackFailures = 10
	slackPatches  = 4
)

// slackText is a piece of text. Untrusted text is always plain, so that Slack sees no markup,
// mentions or links in it.
type slackText struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Emoji *bool  `json:"emoji,omitempty"`
}

type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text,omitempty"`
	Elements []slackText `json:"elements,omitempty"`
}

// slack returns the report as a message: what happened, the first failures, the patches with
// the commands that apply them, and the link to the run.
func slack(r *report.Report, repository, link string) (body []byte, degraded []string, err error) {
	no := false
	plain := func(s string) *slackText { return &slackText{"plain_text", s, &no} }
	subject := report.EmailSubject(r, report.EmailOptions{Repository: repository})
	blocks := []slackBlock{{Type: "header", Text: plain(report.OneLine(subject, slackHeader/2))}}
	section := func(title string, lines []string, most int, what string) {
		if len(lines) == 0 {
			return
		}
		text, shown := title, 0
		for _, l := range lines[:min(len(lines), most)] {
			if len(text)+len(l)+1 > slackSection {
				break
			}
			text += "\n" + l
			shown++
		}
		if n := len(lines) - shown; n > 0 {
			text += fmt.Sprintf("\n… and %d more", n)
			degraded = append(degraded, fmt.Sprintf("%d of %d %s left out to fit", n, len(lines), what))
		}
		blocks = append(blocks, slackBlock{Type: "section", Text: plain(text)})
	}
	var failures, ready []string
	for _, f := range r.Failures {
		if f.Status == report.FailureNew {
			failures = append(failures, "• "+report.OneLine(f.ID, 120)+": "+report.OneLine(f.Text(), 160))
		}
	}
	for _, p := range candidates(r) {
		ready = append(ready, fmt.Sprintf("• %s, %s: regreen apply %s", report.OneLine(p.Title, 120), p.Experience(), report.OneLine(p.ID, 60)))
	}
	section("Failures", failures, slackFailures, "failures")
	section("Verified patches", ready, slackPatches, "patches")
	if strings.HasPrefix(link, "https://") || strings.HasPrefix(link, "http://") {
		escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "%7C").Replace(link)
		blocks = append(blocks, slackBlock{Type: "context", Elements: []slackText{{Type: "mrkdwn", Text: "<" + escaped + "|The run>"}}})
	}
	// Notifications show the text, in which & < > are the only markup.
	text := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(subject)
	body, err = json.Marshal(struct {
		Text   string       `json:"text"`
		Blocks []slackBlock `json:"blocks"`
	}{text, blocks})
	return body, degraded, err
}
