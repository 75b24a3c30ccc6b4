package detect

import (
	"time"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/githook"
)

// The apply policies.
const (
	Auto   = "auto"   // development applies patches with enough confidence; production proposes
	Always = "always" // apply every verified patch
	Never  = "never"  // propose only
)

// Defaults are the settings in an environment that neither a flag nor the configuration sets.
type Defaults struct {
	Policy    string          // Auto, Always or Never
	Budget    time.Duration   // for the search, after the failures are known
	Within    time.Duration   // for the tests; 0 for no limit
	LogFormat string          // text or json
	Channels  []channels.Name // in the order to send to
}

// Defaults returns the defaults of the environment.
//
// On a branch that is protected only by its name, or because it is the default one, development
// still applies patches: regreen changes only the working tree and never commits or pushes, and
// protection is for the shared branch. If the configuration protects the branch, or if there is
// another reason (see Hold), it only proposes.
func (e Environment) Defaults() Defaults {
	d := Defaults{Policy: Auto, Budget: 2 * time.Minute, LogFormat: "text", Channels: []channels.Name{channels.Terminal, channels.File}}
	if e.Hold != "" {
		d.Policy = Never
	}
	if e.Mode == Production {
		d.Budget, d.LogFormat = 10*time.Minute, "json"
		if e.Provider == GitHub {
			d.Channels = []channels.Name{channels.Terminal, channels.Summary, channels.Annotations, channels.Artifact, channels.File}
		}
		return d
	}
	switch githook.Name(e.Event) {
	case Manual:
	case githook.PreCommit, githook.PreMergeCommit, githook.CommitMsg:
		d.Budget, d.Within = 20*time.Second, 3*time.Minute // someone waits for the commit
	default:
		d.Budget = time.Minute
	}
	return d
}
