// Package schema embeds the JSON Schemas (draft 2020-12) of what regreen writes for
// programs, so that binaries and tests use the text that is published. It does not validate
// anything: any validator of the draft can.
package schema

import _ "embed"

// ReportV1 is the schema of a report, "regreen.report/v1".
//
//go:embed report.v1.json
var ReportV1 []byte
