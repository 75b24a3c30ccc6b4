package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/report"
)

// memory is what runs share in addition to learned outcomes: the cost and the outcome of the
// searches for each pull request. Merging two is a union, so neither the order nor the number
// of merges matters.
type memory struct {
	Spent map[string]spent `json:"spent"` // by the search that spent it
	Tried map[string]tried `json:"tried"` // by the fingerprint of the failures, and the shard
}

// spent is the cost of one search.
type spent struct {
	Pull    int       `json:"pull"`
	Run     string    `json:"run"` // workflow run and attempt; its shards are one search
	When    time.Time `json:"when"`
	Seconds float64   `json:"seconds"`
}

// tried is the outcome of a search.
type tried struct {
	Head   string         `json:"head"`
	When   time.Time      `json:"when"`
	Report *report.Report `json:"report"`
}

// The limits of the memory. A report without test results and ledger has a few kilobytes.
const (
	memoryFile = "searches.json"
	memoryAge  = 90 * 24 * time.Hour
	maxSpent   = 2000
	maxTried   = 50
	maxMemory  = 16 << 20 // bytes
	maxEarlier = 256 << 10
)

// readMemory reads the memory in a directory. If it is missing or invalid, it is empty: it only
// saves work.
func readMemory(dir string) *memory {
	doc, err := os.ReadFile(filepath.Join(dir, memoryFile))
	if err != nil {
		return parseMemory(nil)
	}
	return parseMemory(doc)
}

func parseMemory(doc []byte) *memory {
	m := &memory{}
	if len(doc) > maxMemory || json.Unmarshal(doc, m) != nil {
		m = &memory{}
	}
	if m.Spent == nil {
		m.Spent = map[string]spent{}
	}
	if m.Tried == nil {
		m.Tried = map[string]tried{}
	}
	maps.DeleteFunc(m.Tried, func(_ string, t tried) bool { return t.Report == nil })
	return m
}

// write writes the memory to a directory.
func (m *memory) write(dir string) error {
	m.forget(time.Now())
	doc, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, memoryFile), doc, 0o600)
}

// forget drops old entries, and the oldest ones above the limits.
func (m *memory) forget(now time.Time) {
	keepNewest(m.Spent, maxSpent, now, func(s spent) time.Time { return s.When })
	keepNewest(m.Tried, maxTried, now, func(t tried) time.Time { return t.When })
}

func keepNewest[T any](all map[string]T, most int, now time.Time, when func(T) time.Time) {
	maps.DeleteFunc(all, func(_ string, v T) bool { return now.Sub(when(v)) > memoryAge })
	if len(all) <= most {
		return
	}
	keys := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		if c := when(all[b]).Compare(when(all[a])); c != 0 {
			return c
		}
		return bytes.Compare([]byte(a), []byte(b))
	})
	for _, key := range keys[most:] {
		delete(all, key)
	}
}

// mergeMemory merges two encoded memories. If both have an entry, the newer one counts.
func mergeMemory(ours, theirs []byte) ([]byte, error) {
	m, other := parseMemory(ours), parseMemory(theirs)
	for key, s := range other.Spent {
		if mine, ok := m.Spent[key]; !ok || newer(s.When, mine.When, s, mine) {
			m.Spent[key] = s
		}
	}
	for key, t := range other.Tried {
		if mine, ok := m.Tried[key]; !ok || newer(t.When, mine.When, t, mine) {
			m.Tried[key] = t
		}
	}
	return json.Marshal(m)
}

// newer reports whether x, of time a, replaces y, of time b. At the same time, the one with the
// greater encoding wins, so that both orders of merging give the same result.
func newer(a, b time.Time, x, y any) bool {
	if !a.Equal(b) {
		return a.After(b)
	}
	left, _ := json.Marshal(x)
	right, _ := json.Marshal(y)
	return bytes.Compare(left, right) > 0
}

// cost returns the number of searches for a pull request, and their time in minutes.
func (m *memory) cost(pull int) (searches int, minutes float64) {
	runs := map[string]bool{}
	for _, s := range m.Spent {
		if s.Pull == pull {
			runs[s.Run] = true
			minutes += s.Seconds / 60
		}
	}
	return len(runs), minutes
}

// search identifies a search, and holds its limits.
type search struct {
	pull   int    // 0 for none, which has no limits
	head   string // head commit of the pull request or the branch
	run    string // workflow run and attempt
	shard  string
	asked  bool // a user started it again
	limits limits
}

// left returns how long the search may take, or why it must not start.
func (m *memory) left(s search) (left time.Duration, not string) {
	const endless = 1 << 20 // minutes
	if s.pull == 0 {
		return endless * time.Minute, ""
	}
	searches, minutes := m.cost(s.pull)
	spare := float64(endless)
	switch l := s.limits; {
	case l.searches > 0 && searches >= l.searches:
		return 0, fmt.Sprintf("no search: the pull request has reached its limit (input attempts: %d)", l.searches)
	case l.minutes > 0 && minutes >= l.minutes:
		return 0, fmt.Sprintf("no search: the pull request has reached its limit (input minutes: %g)", l.minutes)
	case l.dollars > 0 && l.price > 0 && minutes*l.price >= l.dollars:
		return 0, fmt.Sprintf("no search: the pull request has reached its limit (input cost: $%.2f)", l.dollars)
	default:
		if l.minutes > 0 {
			spare = min(spare, l.minutes-minutes)
		}
		if l.dollars > 0 && l.price > 0 {
			spare = min(spare, l.dollars/l.price-minutes)
		}
	}
	return time.Duration(spare * float64(time.Minute)), ""
}

// ask returns a func that decides whether to search for failures with a fingerprint.
func (m *memory) ask(s search) func(fingerprint string) repair.SearchDecision {
	return func(fingerprint string) repair.SearchDecision {
		var earlier *report.Report
		if t, ok := m.Tried[fingerprint+s.shard]; ok && t.Head == s.head {
			earlier = t.Report
		}
		if earlier != nil && !s.asked {
			return repair.SearchDecision{Previous: earlier, SkipReason: fmt.Sprintf("no search: run %s already searched for the same failures of the same commit; run the job again to repeat it", earlier.ID)}
		}
		if _, not := m.left(s); not != "" {
			return repair.SearchDecision{Previous: earlier, SkipReason: not}
		}
		return repair.SearchDecision{}
	}
}

// spend counts a search.
func (m *memory) spend(s search, took time.Duration, now time.Time) {
	m.Spent[s.run+s.shard] = spent{Pull: s.pull, Run: s.run, When: now, Seconds: took.Seconds()}
}

// note records the outcome of a run, and reports whether there is one.
func (m *memory) note(s search, rep *report.Report, now time.Time) bool {
	if len(rep.Attempts) == 0 {
		return false
	}
	m.spend(s, time.Duration(seconds(rep)*float64(time.Second)), now)
	if rep.Fingerprint == "" {
		return true
	}
	short := *rep
	short.Results, short.Attempts, short.Learning, short.Receipts, short.Replay = nil, nil, nil, nil, nil
	if doc, err := report.JSON(&short); err == nil && len(doc) <= maxEarlier {
		m.Tried[rep.Fingerprint+s.shard] = tried{Head: s.head, When: now, Report: &short}
	}
	return true
}

// seconds returns how long a run took.
func seconds(rep *report.Report) float64 {
	total := 0.0
	for _, s := range rep.Stats.Seconds {
		total += s
	}
	return total
}
