// Package channels has the names of the channels that a report can go to.
//
// Goal: one list, so that the configuration refuses a misspelled name where it is written.
//
// Non-goal: sending. Package deliver does that.
package channels

// Name is the name of a channel, as users write it.
type Name string

// The channels.
const (
	Terminal    Name = "terminal"     // standard error, or the job's log
	File        Name = "file"         // files of the report, by default one in the state directory
	Artifact    Name = "artifact"     // a directory with the report in every format
	Summary     Name = "summary"      // GitHub's step summary
	Annotations Name = "annotations"  // GitHub's workflow commands
	Comment     Name = "comment"      // on a pull request or merge request
	Suggestions Name = "suggestions"  // a review of a pull request
	Check       Name = "check"        // GitHub's check run
	PullRequest Name = "pull-request" // a new one with the patch
	Email       Name = "email"
	Webhook     Name = "webhook"
)

// All returns the names in the order in which to explain them.
func All() []Name {
	return []Name{Terminal, File, Artifact, Summary, Annotations, Comment, Suggestions, Check, PullRequest, Email, Webhook}
}

// Find returns the channel with a name.
func Find(name string) (Name, bool) {
	for _, n := range All() {
		if string(n) == name {
			return n, true
		}
	}
	return "", false
}
