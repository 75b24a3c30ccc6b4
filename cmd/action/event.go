package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/regreen-ci/regreen/internal/usererr"
)

// maxPayload is GitHub's own limit for the payload of a webhook, in bytes.
const maxPayload = 25 << 20

// event has the fields of the payload that package detect does not provide: those of events
// that only act on the report of another run.
type event struct {
	Action string `json:"action"`
	Issue  struct {
		Number      int       `json:"number"`
		PullRequest *struct{} `json:"pull_request"`
	} `json:"issue"`
	Comment struct {
		ID   int64  `json:"id"`
		Body string `json:"body"`
		User struct {
			Login string `json:"login"`
			Type  string `json:"type"`
		} `json:"user"`
	} `json:"comment"`
	WorkflowRun struct {
		ID             int64  `json:"id"`
		Event          string `json:"event"`
		Conclusion     string `json:"conclusion"`
		HeadSHA        string `json:"head_sha"`
		HeadBranch     string `json:"head_branch"`
		HeadRepository struct {
			FullName string `json:"full_name"`
		} `json:"head_repository"`
	} `json:"workflow_run"`
	PullRequest struct {
		Head struct {
			SHA string `json:"sha"`
		} `json:"head"`
	} `json:"pull_request"`
}

// readEvent reads the event's payload, which is untrusted.
func readEvent(name string) (event, []byte, error) {
	var e event
	if name == "" {
		return e, nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return e, nil, &usererr.UsageError{What: "cannot read the event's payload", Err: err, Advice: "GITHUB_EVENT_PATH names the file"}
	}
	defer func() { _ = f.Close() }()
	doc, err := io.ReadAll(io.LimitReader(f, maxPayload+1))
	if err != nil || len(doc) > maxPayload {
		return e, nil, &usererr.UsageError{What: fmt.Sprintf("cannot read the event's payload, or it is larger than %d MiB", maxPayload>>20)}
	}
	if err := json.Unmarshal(doc, &e); err != nil {
		// Package detect reports this, and then assumes the change comes from a fork.
		return event{}, doc, nil
	}
	return e, doc, nil
}

// order is a command in a comment.
type order struct {
	verb string // apply, retry, explain, or another word
	id   string // of the patch to apply
}

// readOrder parses a comment whose first line is a command: /regreen VERB [ID]. A quoted line,
// as in a reply by email, is not a command.
func readOrder(comment string) (order, bool) {
	line, _, _ := strings.Cut(strings.TrimSpace(comment), "\n")
	words := strings.Fields(line)
	if len(words) == 0 || words[0] != "/regreen" {
		return order{}, false
	}
	o := order{verb: "help"}
	if len(words) > 1 {
		o.verb = words[1]
	}
	if len(words) > 2 {
		o.id = strings.Trim(words[2], "`")
	}
	if len(words) > 3 {
		o.verb = "help"
	}
	return o, true
}
