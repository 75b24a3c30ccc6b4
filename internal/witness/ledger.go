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
	Why     string    `json:"why"` // for instance "REGREEN=0"
	When    time.Time `json:"when"`
}

// Ledger is the list of bypasses: a file with one line for each, which is only appended to.
type Ledger struct {
	name string
}

// maxLedger is the size, in bytes, from which a ledger drops its older half.
const maxLedger = 256 << 10

// OpenLedger returns the ledger in a state directory. Note creates its file.
func OpenLedger(state string) *Ledger { return &Ledger{filepath.Join(state, "bypasses.jsonl")} }

// Note adds a bypass. It writes the line in a single call, so that lines of two processes do
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

// shorten drops the older half of a ledger that is too long.
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

// Bypasses returns the latest n bypasses, newest first, one for each commit. It skips lines
// that it cannot read.
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
