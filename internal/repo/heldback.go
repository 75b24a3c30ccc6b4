package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// While its hooks run, a hook manager may take the user's unstaged changes out of the working tree
// and keep them in a patch or a stash. Afterwards it puts them back onto the files as it left them.
// If something has edited these files meanwhile, the changes no longer fit, and the user loses
// work. A hook can see this only by what the managers leave in the repository.

// heldFiles are what exists while somebody holds changes back, in the git directory of the worktree
// or in the common one.
var heldFiles = []struct {
	who, pattern string
	stale        bool // it can be left over
}{
	{"lefthook", "info/lefthook-unstaged*", true},
	{"lint-staged", "lint-staged_unstaged.patch", true},
	{"git merge --autostash", "MERGE_AUTOSTASH", false},
	{"git rebase --autostash", "rebase-*/autostash", false},
}

// heldStashes are the messages of stashes that managers make, or how they begin.
var heldStashes = []struct {
	who, message string
	begins       bool
}{
	{"lefthook", "lefthook auto backup", false},
	{"lint-staged", "lint-staged automatic backup", true},
	{"overcommit", "Overcommit: Stash of repo state before hook run", true},
	{"hk", "hk", false},
}

// recent is how long something counts that a manager leaves behind if it is killed.
const recent = time.Hour

// HeldBack returns why the working tree does not have the user's unstaged changes at the moment,
// because somebody keeps them and will put them back, or "" if it has them. Nothing may be edited
// then.
func (r *Repo) HeldBack(ctx context.Context) string {
	if r.git.getenv("PRE_COMMIT") == "1" {
		return "pre-commit stashed your unstaged changes and treats edits as failures"
	}
	now := time.Now()
	for _, held := range heldFiles {
		for _, dir := range []string{r.gitDir, r.commonDir} {
			files, _ := filepath.Glob(filepath.Join(escapeGlob(dir), filepath.FromSlash(held.pattern)))
			for _, file := range files {
				if info, err := os.Stat(file); err == nil && (!held.stale || now.Sub(info.ModTime()) < recent) {
					return fmt.Sprintf("%s holds your unstaged changes back, in %s", held.who, r.short(file))
				}
			}
		}
	}
	newest, ok := r.newestStash(ctx)
	if !ok {
		return ""
	}
	began, inHook := gitBegan()
	return newest.heldBack(now, began, inHook)
}

// heldBack returns who holds the changes of the newest stash back. In a hook, began is when git
// began.
func (s stash) heldBack(now, began time.Time, inHook bool) string {
	for _, held := range heldStashes {
		same := s.message == held.message || held.begins && strings.HasPrefix(s.message, held.message)
		if same && now.Sub(s.made) < recent {
			return held.who + " holds your unstaged changes back, in a stash"
		}
	}
	// A hook that is not known here makes its stash after git has started it. Times of stashes are in
	// whole seconds.
	if inHook && !s.made.Before(began.Truncate(time.Second)) && !s.written.Before(began) {
		return fmt.Sprintf("a hook holds your unstaged changes back, in the stash %q", s.message)
	}
	return ""
}

// short returns a path relative to the working tree if it is inside.
func (r *Repo) short(file string) string {
	if rel, err := filepath.Rel(r.Root(), file); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return file
}

// escapeGlob returns a path as a pattern that matches only it.
func escapeGlob(path string) string {
	if filepath.Separator == '\\' { // where patterns have no escapes
		return path
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// stash is an entry of `git stash list`.
type stash struct {
	message string // without "On main: "
	made    time.Time
	written time.Time // when the list was last changed
}

// maxStashLine limits how much of the stash's log is read from its end, in bytes.
const maxStashLine = 4 << 10

// newestStash returns stash@{0}.
func (r *Repo) newestStash(ctx context.Context) (stash, bool) {
	line, written, err := lastLine(filepath.Join(r.commonDir, "logs", "refs", "stash"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(r.commonDir, "reftable")); err != nil {
			return stash{}, false
		}
		line, err = r.git.line(ctx, "log", "-g", "-1", "--no-show-signature", "--no-color", "--format=> %ct +0000\t%gs", "refs/stash", "--")
		written = time.Now()
	}
	if err != nil {
		return stash{}, false
	}
	// old-hash new-hash Name <mail> seconds zone, a tab, and the message
	who, message, _ := strings.Cut(line, "\t")
	fields := strings.Fields(who[strings.LastIndex(who, ">")+1:])
	if len(fields) == 0 {
		return stash{}, false
	}
	seconds, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return stash{}, false
	}
	if rest, ok := strings.CutPrefix(message, "On "); ok {
		if _, own, ok := strings.Cut(rest, ": "); ok {
			message = own
		}
	}
	return stash{message: message, made: time.Unix(seconds, 0), written: written}, true
}

// lastLine returns the last line of a file, and when the file was last changed.
func lastLine(file string) (string, time.Time, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", time.Time{}, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", time.Time{}, err
	}
	start := max(0, info.Size()-maxStashLine)
	tail, err := io.ReadAll(io.NewSectionReader(f, start, maxStashLine))
	if err != nil {
		return "", time.Time{}, err
	}
	tail = bytes.TrimRight(tail, "\n")
	return string(tail[bytes.LastIndexByte(tail, '\n')+1:]), info.ModTime(), nil
}
