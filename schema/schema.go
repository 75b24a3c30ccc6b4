// Package schema holds the JSON Schemas (draft 2020-12) of what regreen writes
// for programs, so that binaries and tests carry the same text that is
// published. It validates nothing itself: any validator of the draft can.
package schema

import _ "embed" // for the schemas

// ReportV1 describes the report, "regreen.report/v1".
//
//go:embed report.v1.json
var ReportV1 []byte
