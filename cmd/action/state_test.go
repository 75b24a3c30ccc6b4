package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/runner"
	"github.com/regreen-ci/regreen/internal/runner/runnertest"
	"github.com/regreen-ci/regreen/internal/usererr"
)

const statePrefix = "regreen-state-test-"

// machine is a machine for one run.
type machine struct {
	t     *testing.T
	dir   string
	cache *runner.Client
}

func newMachine(t *testing.T, server *runnertest.Server) machine {
	t.Helper()
	cache, err := runner.New(runnertest.Getenv(server.Environ()), nil)
	if err != nil {
		t.Fatal(err)
	}
	return machine{t, filepath.Join(t.TempDir(), "state"), cache}
}

func (m machine) learn(ids ...string) {
	m.t.Helper()
	err := withStore(m.dir, func(store learn.Store) error {
		var b learn.Batch
		for _, id := range ids {
			b.Outcomes = append(b.Outcomes, learn.Outcome{ID: id, Strategy: "guard", Reward: 1, Weight: 1, At: time.Unix(1_800_000_000, 0)})
		}
		return store.Record(m.t.Context(), b)
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// knows returns the IDs of the outcomes.
func (m machine) knows() (ids []string) {
	m.t.Helper()
	err := withStore(m.dir, func(store learn.Store) error {
		outcomes, err := store.Outcomes(m.t.Context(), learn.Query{})
		for _, o := range outcomes {
			ids = append(ids, o.ID)
		}
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return ids
}

func (m machine) write(name, text string) {
	m.t.Helper()
	if err := replaceFile(filepath.Join(m.dir, name), []byte(text)); err != nil {
		m.t.Fatal(err)
	}
}

func (m machine) read(name string) string {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

func (m machine) restore() (string, error) {
	m.t.Helper()
	return restoreState(m.t.Context(), m.cache, m.dir, statePrefix)
}

func (m machine) mustRestore(want string) {
	m.t.Helper()
	if found, err := m.restore(); err != nil || found != want {
		m.t.Errorf("restored %q, %v, want %q", found, err, want)
	}
}

func (m machine) save(unique string) error {
	m.t.Helper()
	return saveState(m.t.Context(), m.cache, m.dir, statePrefix, unique, map[string]mergeFile{"words": union})
}

func (m machine) mustSave(unique string) {
	m.t.Helper()
	if err := m.save(unique); err != nil {
		m.t.Error(err)
	}
}

// union joins sets of words.
func union(ours, theirs []byte) ([]byte, error) {
	if bytes.Contains(theirs, []byte("!")) {
		return nil, errors.New("not a word")
	}
	words := strings.Fields(string(ours) + " " + string(theirs))
	slices.Sort(words)
	return []byte(strings.Join(slices.Compact(words), " ")), nil
}

func savedKeys(server *runnertest.Server) (keys []string) {
	for _, c := range server.Caches() {
		keys = append(keys, strings.TrimPrefix(c.Key, statePrefix))
	}
	return keys
}

func wantWords(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestStateOutlivesMachines checks runs one after the other, and two at the same time.
func TestStateOutlivesMachines(t *testing.T) {
	t.Parallel()
	server := runnertest.New(t)
	first := newMachine(t, server)
	first.mustRestore("")
	first.mustSave("0") // nothing
	first.learn("1", "2")
	first.write("words", "a b")
	first.write("changed", "not part of the state")
	first.mustSave("1")
	wantWords(t, savedKeys(server), "1")

	left, right := newMachine(t, server), newMachine(t, server)
	for _, m := range []machine{left, right} {
		m.mustRestore(statePrefix + "1")
		wantWords(t, m.knows(), "1", "2")
		if got := m.read("words"); got != "a b" {
			t.Errorf("the words are %q", got)
		}
		if _, err := os.Stat(filepath.Join(m.dir, "changed")); err == nil {
			t.Error("a file is restored that is not part of the state")
		}
	}
	left.learn("3")
	left.write("words", "a b left")
	left.mustSave("2")
	right.learn("4")
	right.write("words", "a b right")
	right.mustSave("3")

	last := newMachine(t, server)
	last.mustRestore(statePrefix + "3")
	wantWords(t, last.knows(), "1", "2", "3", "4")
	if got := last.read("words"); got != "a b left right" {
		t.Errorf("the words are %q", got)
	}
	last.mustSave("4") // it knows nothing new
	wantWords(t, savedKeys(server), "1", "2", "3")
	if err := right.save("3"); err != nil { // like a repeated run
		t.Errorf("saving the same state again: %v", err)
	}
	last.learn("5")
	if err := last.save("3"); !errors.Is(err, runner.ErrExists) {
		t.Errorf("the error is %v, want %v", err, runner.ErrExists)
	}
}

// TestStateOfADirectoryThatHasOne restores into a directory that already has state.
func TestStateOfADirectoryThatHasOne(t *testing.T) {
	t.Parallel()
	server := runnertest.New(t)
	other := newMachine(t, server)
	other.learn("1")
	other.write("words", "theirs")
	other.mustSave("1")
	m := newMachine(t, server)
	m.learn("2")
	m.write("words", "ours")
	m.mustRestore(statePrefix + "1")
	wantWords(t, m.knows(), "1", "2")
	if got := m.read("words"); got != "ours" {
		t.Errorf("the words are %q, want ours", got)
	}
	m.mustSave("2")
	if got := m.read("words"); got != "ours theirs" {
		t.Errorf("the words are %q", got)
	}
}

func stateArchive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.Write([]byte(files[name]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestStateThatCannotBeUsed checks that a run ignores a newest state that is damaged or hostile,
// and saves a usable one.
func TestStateThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	const outcomes = `{"format":"regreen.outcomes/v1"}` + "\n" + `{"id":"theirs","strategy":"s","reward":1,"weight":1,"at":0}` + "\n"
	for name, data := range map[string][]byte{
		"not an archive":           []byte("<html>"),
		"outside of the directory": stateArchive(t, map[string]string{"../words": "theirs", stateOutcomes: outcomes}),
		"too many files": func() []byte {
			files := map[string]string{stateOutcomes: outcomes}
			for i := range 60 {
				files[fmt.Sprint(i)] = ""
			}
			return stateArchive(t, files)
		}(),
		"a newer format":     stateArchive(t, map[string]string{stateOutcomes: `{"format":"regreen.outcomes/v2"}` + "\n", "words": "theirs"}),
		"truncated outcomes": stateArchive(t, map[string]string{stateOutcomes: outcomes[:len(outcomes)-20], "words": "theirs"}),
		"an invalid outcome": stateArchive(t, map[string]string{stateOutcomes: outcomes + `{"id":"2","strategy":"s","reward":9,"weight":1,"at":0}`, "words": "theirs"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := runnertest.New(t)
			before := newMachine(t, server)
			before.learn("before")
			before.mustSave("1")
			server.Replace(statePrefix+"1", data)

			m := newMachine(t, server)
			if found, err := m.restore(); found != "" || !errors.Is(err, errUnusable) {
				t.Errorf("restored %q, %v, want %v", found, err, errUnusable)
			}
			if _, err := os.Stat(filepath.Join(m.dir, "words")); err == nil {
				t.Error("a file was restored")
			}
			m.learn("ours")
			m.mustSave("2")
			wantWords(t, m.knows(), "ours")

			after := newMachine(t, server)
			after.mustRestore(statePrefix + "2")
			wantWords(t, after.knows(), "ours")
		})
	}
}

// TestStateOfWhichOneFileCannotBeUsed checks that the other files are merged.
func TestStateOfWhichOneFileCannotBeUsed(t *testing.T) {
	t.Parallel()
	server := runnertest.New(t)
	other := newMachine(t, server)
	other.learn("1")
	other.write("words", "what is this!")
	other.mustSave("1")
	m := newMachine(t, server)
	m.learn("2")
	m.write("words", "ours")
	m.mustSave("2")
	wantWords(t, m.knows(), "1", "2")
	if got := m.read("words"); got != "ours" {
		t.Errorf("the words are %q, want ours", got)
	}
	wantWords(t, savedKeys(server), "1", "2")
}

// TestStateBringsNoDatabase restores an archive with files that would be opened as the store.
func TestStateBringsNoDatabase(t *testing.T) {
	t.Parallel()
	server := runnertest.New(t)
	before := newMachine(t, server)
	before.learn("1")
	before.mustSave("1")
	server.Replace(statePrefix+"1", stateArchive(t, map[string]string{
		"LEARN.DB": "hostile", "learn.db-wal": "hostile", "folder/words": "hostile", "words": "a",
	}))
	m := newMachine(t, server)
	m.mustRestore(statePrefix + "1")
	entries, err := os.ReadDir(m.dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "words" {
		t.Errorf("the directory has %v, %v", entries, err)
	}
}

// TestStateOfNothing checks that a run without state does not replace an unusable one.
func TestStateOfNothing(t *testing.T) {
	t.Parallel()
	server := runnertest.New(t)
	before := newMachine(t, server)
	before.learn("before")
	before.mustSave("1")
	server.Replace(statePrefix+"1", stateArchive(t, map[string]string{stateOutcomes: "<html>"}))
	newMachine(t, server).mustSave("2")
	wantWords(t, savedKeys(server), "1")
}

// TestStateIsNotHidden checks that nothing is saved if the saved state cannot be read.
func TestStateIsNotHidden(t *testing.T) {
	t.Parallel()
	server := runnertest.New(t)
	m := newMachine(t, server)
	m.learn("1")
	server.Refuse("GetCacheEntryDownloadURL", runnertest.Status(403))
	if err := m.save("1"); err == nil {
		t.Error("no error")
	}
	wantWords(t, savedKeys(server))
}

func TestStateThatIsTooLarge(t *testing.T) { // not parallel: it sets TMPDIR
	scratch := t.TempDir()
	t.Setenv("TMPDIR", scratch)
	t.Setenv("TMP", scratch)
	noise := make([]byte, 2000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	files := map[string][]byte{"noise": noise}
	archive, done, err := packState(files, 3000)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(archive); err != nil || info.Size() < 2000 {
		t.Errorf("the archive is %v, %v", info, err)
	}
	done()
	for name, pack := range map[string]func() error{
		"an archive": func() error { _, _, err := packState(files, 1000); return err },
		"a file": func() error {
			_, _, err := packState(map[string][]byte{"large": make([]byte, stateLimits.File+1)}, maxArchive)
			return err
		},
	} {
		if err := pack(); err == nil || !strings.Contains(err.Error(), "too large") || usererr.Hint(err) == "" {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
