package deliver

import "github.com/regreen-ci/regreen/internal/report"

// Instructions returns how to apply patches if there is no pull request, for tests.
func Instructions(l Landing) func(*report.Patch) string { return l.instructions("", nil) }
