package learn

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// Outcomes travel between stores as text: a first line that names the format, then a line
// of JSON for each outcome. A foreign database is never opened: its schema can run code.

// exchangeFormat is the first line. It changes whenever an older regreen could not read
// the lines after it.
const exchangeFormat = `{"format":"regreen.outcomes/v1"}`

// Bounds of an import.
const (
	maxImported = 200_000
	maxLine     = 64 << 10
)

// exchanged is the JSON of an outcome, both in exported text and on a server.
type exchanged struct {
	ID       string  `json:"id"`
	Run      string  `json:"run,omitempty"`
	Attempt  string  `json:"attempt,omitempty"`
	Strategy string  `json:"strategy"`
	Language string  `json:"language,omitempty"`
	Kind     string  `json:"kind,omitempty"`
	Reward   float64 `json:"reward"`
	Weight   float64 `json:"weight"`
	Seconds  float64 `json:"seconds,omitempty"`
	Event    Event   `json:"event,omitempty"`
	At       int64   `json:"at"` // microseconds since 1970
}

// Export writes the selected outcomes of a store, oldest first, and returns how many there
// are. The same outcomes always produce the same text.
func Export(ctx context.Context, from Store, q Query, w io.Writer) (int, error) {
	outcomes, err := from.Outcomes(ctx, q)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriter(w)
	_, _ = out.WriteString(exchangeFormat + "\n") // Flush returns the error
	encoder := json.NewEncoder(out)
	for _, o := range outcomes {
		if err := encoder.Encode(exchange(o)); err != nil {
			return 0, fmt.Errorf("outcome %s: %w", o.ID, err)
		}
	}
	return len(outcomes), out.Flush()
}

func exchange(o Outcome) exchanged {
	return exchanged{
		ID: o.ID, Run: o.Run, Attempt: o.Attempt, Strategy: o.Strategy, Language: o.Context.Language, Kind: o.Context.Kind,
		Reward: o.Reward, Weight: o.Weight, Seconds: o.Seconds, Event: o.Event, At: o.At.UnixMicro(),
	}
}

// Import records what Export wrote. It skips outcomes that the store already has, so stores
// that import each other end with the same posteriors, in whatever order and however often
// they do it. The text may come from anyone: if any of it is invalid, Import returns an
// error and records nothing.
func Import(ctx context.Context, into Store, r io.Reader) error {
	outcomes, err := parseExchanged(r)
	if err != nil {
		return fmt.Errorf("cannot import outcomes: %w", err)
	}
	for batch := range slices.Chunk(outcomes, 500) {
		if err := into.Record(ctx, Batch{Outcomes: batch}); err != nil {
			return err
		}
	}
	return nil
}

func parseExchanged(r io.Reader) (outcomes []Outcome, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	if !lines.Scan() || lines.Text() != exchangeFormat {
		return nil, cmp.Or(lines.Err(), fmt.Errorf("line 1: expected %s, got %.60q", exchangeFormat, lines.Text()))
	}
	for n := 2; lines.Scan(); n++ {
		o, err := parseLine(lines.Bytes())
		switch {
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", n, err)
		case len(outcomes) == maxImported:
			return nil, fmt.Errorf("more than %d outcomes", maxImported)
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, lines.Err()
}

func parseLine(line []byte) (Outcome, error) {
	var e exchanged
	if err := json.Unmarshal(line, &e); err != nil {
		return Outcome{}, err
	}
	o := Outcome{
		ID: e.ID, Run: e.Run, Attempt: e.Attempt, Strategy: e.Strategy, Context: Context{Language: e.Language, Kind: e.Kind},
		Reward: e.Reward, Weight: e.Weight, Seconds: e.Seconds, Event: e.Event, At: time.UnixMicro(e.At).UTC(),
	}
	return o, o.Validate()
}
