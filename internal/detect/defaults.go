package detect

import (
	"time"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/githook"
)

// The apply policies.
const (
	Auto   = "auto"   // development applies what is proven well enough; production proposes
	Always = "always" // whatever is verified is applied
	Never  = "never"  // propose only
)

// Defaults is what an environment implies for everything that neither a flag
// nor the configuration sets.
type Defaults struct {
	Policy    string          // Auto, Always or Never
	Budget    time.Duration   // for the search, once the failures are known
	Within    time.Duration   // for the tests; 0 for as long as they take
	LogFormat string          // text or json
	Channels  []channels.Name // in the order to deliver to
}

// Defaults gives the defaults of the environment.
//
// On a branch that is protected only by its name, or by being the default one,
// development still applies: regreen changes the working tree there and never
// commits or pushes, and it is the shared branch that protection is for. Where
// the configuration names the branch, and while something else has a claim on
// the working tree (see Hold), it only proposes.
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
		d.Budget, d.Within = 20*time.Second, 3*time.Minute // somebody waits for the commit
	default:
		d.Budget = time.Minute
	}
	return d
}
