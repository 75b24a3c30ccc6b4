package deliver

import "github.com/regreen-ci/regreen/internal/report"

// Ways is for tests: how patches land where there is no pull request.
func Ways(l Landing) func(*report.Patch) string { return l.ways("", nil) }
