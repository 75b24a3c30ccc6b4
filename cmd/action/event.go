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

// event is what of the payload package detect does not tell: what the events are about
// that repair nothing by themselves.
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

// readEvent reads the payload that the runner left, without trust in it.
func readEvent(name string) (event, []byte, error) {
	var e event
	if name == "" {
		return e, nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return e, nil, &usererr.UsageError{What: "the event's payload cannot be read", Err: err, Advice: "GITHUB_EVENT_PATH names it"}
	}
	defer func() { _ = f.Close() }()
	doc, err := io.ReadAll(io.LimitReader(f, maxPayload+1))
	if err != nil || len(doc) > maxPayload {
		return e, nil, &usererr.UsageError{What: fmt.Sprintf("the event's payload cannot be read, or is over %d MiB", maxPayload>>20)}
	}
	if err := json.Unmarshal(doc, &e); err != nil {
		// Package detect says so, and takes everything for a fork's.
		return event{}, doc, nil
	}
	return e, doc, nil
}

// order is a command in a comment.
type order struct {
	verb string // apply, retry, explain, or what else was written
	id   string // of the patch to apply
}

// readOrder reads a comment whose first line is a command: /regreen VERB [ID]. Quoted
// lines, as in an answer by mail, are none.
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
