//go:build !linux

package repo

import "time"

// gitBegan reports false: there is no cheap way to find out here.
func gitBegan() (time.Time, bool) { return time.Time{}, false }
