package witness

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Bypass is a commit that was made without a witness for its tree.
type Bypass struct {
	Commit  string    `json:"commit"`
	Tree    string    `json:"tree"`
	Subject string    `json:"subject"`
	Why     string    `json:"why"` // as far as it is known: "REGREEN=0", or that no test ran
	When    time.Time `json:"when"`
	// Covered says that its tree has got a witness since.
	Covered bool `json:"covered,omitempty"`
}

// Ledger is the list of bypasses: a file with a line for each, to which lines are
// only added.
type Ledger struct {
	name string
}

// maxLedger is the size, in bytes, above which the older half of a ledger goes.
const maxLedger = 256 << 10

// OpenLedger gives the ledger in a state folder; nothing is made before something is
// noted.
func OpenLedger(state string) *Ledger { return &Ledger{filepath.Join(state, "bypasses.jsonl")} }

// Note adds a bypass. A line is written at once, so that those of two processes do
// not mix.
func (l *Ledger) Note(b Bypass) error {
	const longest = 200 // of a subject, in bytes
	if len(b.Subject) > longest {
		b.Subject = string(bytes.ToValidUTF8([]byte(b.Subject[:longest]), nil))
	}
	line, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(l.name), 0o755); err != nil {
		return err
	}
	l.shorten()
	f, err := os.OpenFile(l.name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// shorten drops the older half of a ledger that became too long.
func (l *Ledger) shorten() {
	info, err := os.Stat(l.name)
	if err != nil || info.Size() < maxLedger {
		return
	}
	b, err := os.ReadFile(l.name)
	if err != nil {
		return
	}
	half := b[len(b)/2:]
	half = half[bytes.IndexByte(half, '\n')+1:]
	temporary := l.name + ".new"
	if os.WriteFile(temporary, half, 0o644) != nil || os.Rename(temporary, l.name) != nil {
		_ = os.Remove(temporary)
	}
}

// Bypasses gives the latest n, newest first, one for each commit. A line that cannot
// be read is left out.
func (l *Ledger) Bypasses(n int) ([]Bypass, error) {
	f, err := os.Open(l.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, 2*maxLedger))
	if err != nil {
		return nil, err
	}
	var out []Bypass
	seen := make(map[string]bool)
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	for i := len(lines) - 1; i >= 0 && len(out) < n; i-- {
		var one Bypass
		if json.Unmarshal(lines[i], &one) == nil && one.Commit != "" && !seen[one.Commit] {
			seen[one.Commit] = true
			out = append(out, one)
		}
	}
	return out, nil
}
