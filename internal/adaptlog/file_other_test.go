//go:build !linux

package adaptlog_test

// jobs are what other processes do.
var jobs = map[string]func(dir string) error{"many records": manyRecords}
