package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
)

// A filter of .gitattributes may be required, as that of Git LFS is, and fail: its program is not
// installed, a key or a server is missing. Git then stops. Regreen continues with the files as they
// are in git, which for Git LFS are pointers, as a clone without Git LFS has them.

var filterFailed = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^fatal: .*: (?:smudge filter (.*)|clean filter '(.*)') failed$`)
})

// unfiltered runs a git command that reads or writes files, and turns off every required filter
// that fails. It returns their names.
func (g git) unfiltered(ctx context.Context, stdin []byte, args ...string) (out []byte, off []string, err error) {
	for {
		var b bytes.Buffer
		err := g.run(ctx, bytes.NewReader(stdin), &b, args...)
		name := failedFilter(err)
		if name == "" || slices.Contains(off, name) {
			return b.Bytes(), off, err
		}
		off = append(off, name)
		for _, kv := range [][2]string{{"required", "false"}, {"smudge", ""}, {"clean", ""}, {"process", ""}} {
			g = g.withConfig("filter."+name+"."+kv[0], kv[1])
		}
	}
}

// failedFilter returns the name of the required filter for which a git command failed, or "".
func failedFilter(err error) string {
	if failed, ok := errors.AsType[*gitError](err); ok {
		if m := filterFailed().FindStringSubmatch(failed.stderr); m != nil {
			return m[1] + m[2]
		}
	}
	return ""
}

func filterGaps(names []string) []Gap {
	var gaps []Gap
	for _, name := range names {
		gaps = append(gaps, Gap{
			What:   fmt.Sprintf("filter %s fails, so its files are as git stores them", name),
			Advice: fmt.Sprintf("git config --get-regexp '^filter\\.%s' (and install the program that it names)", name),
		})
	}
	return gaps
}
