//go:build !linux

package adaptlog_test

// jobs are the jobs of other processes.
var jobs = map[string]func(dir string) error{"many records": manyRecords}
