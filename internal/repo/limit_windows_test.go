package repo

import "errors"

// limitFileSize is not possible on Windows, where the tests are only built.
func limitFileSize(uint64) error { return errors.ErrUnsupported }
