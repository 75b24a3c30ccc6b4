package repo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/patch"
)

// explain adds to a conflict whether the patch, or a part of it, has already been applied: then its
// reverse fits.
func (t *Tree) explain(conflict *patch.ConflictError, files []patch.File, read func(name string) (onDisk, error)) {
	undone := func(files ...patch.File) bool {
		_, err := t.planPatch(patch.Reverse(files), patch.Options{}, read)
		return err == nil
	}
	if !slices.ContainsFunc(files, func(f patch.File) bool { return !conclusive(f) }) && undone(files...) {
		conflict.Applied, conflict.Whole, conflict.Reason = true, true, "already applied"
		return
	}
	var in, out []string
	for _, f := range files {
		name := patch.Quote(f.Name())
		switch {
		case conclusive(f) && undone(f):
			in = append(in, name)
		case !slices.Contains(out, name):
			out = append(out, name)
		}
	}
	if len(in) > 0 && len(out) > 0 {
		conflict.Reason += fmt.Sprintf("; the patch is partly applied: %s already %s the change, %s %s not",
			some(in), has(in), some(out), has(out))
		return
	}
	in, out = nil, nil
	for _, f := range files {
		if file, err := read(f.Name()); err == nil && f.Name() == conflict.File {
			for i, applied := range patch.Applied(file.content, f) {
				if hunk := fmt.Sprint(i + 1); applied {
					in = append(in, hunk)
				} else {
					out = append(out, hunk)
				}
			}
			break
		}
	}
	if len(in) > 0 && len(out) > 0 {
		conflict.Reason += fmt.Sprintf("; the patch is partly applied: %s already in the file, %s not", hunks(in), hunks(out))
	}
}

// conclusive reports whether the reverse of a part of a patch fits only where it was applied. That a
// reverse inserts lines, or changes a mode, shows nothing.
func conclusive(f patch.File) bool {
	if len(f.Hunks) == 0 {
		return f.New || f.Delete || f.Rename || f.Copy || f.Binary
	}
	return !slices.ContainsFunc(f.Hunks, func(h patch.Hunk) bool { return h.Anywhere || h.NewLines == 0 && !f.Delete })
}

// some returns the first of several names, for a sentence.
func some(names []string) string {
	const most = 3
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return names[0]
}

func has(names []string) string {
	if len(names) == 1 {
		return "has"
	}
	return "have"
}

// hunks returns "hunk 1 is", or "hunks 1 and 2 are".
func hunks(numbers []string) string {
	if len(numbers) == 1 {
		return "hunk " + numbers[0] + " is"
	}
	return "hunks " + some(numbers) + " are"
}
