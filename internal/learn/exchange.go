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

// Outcomes travel between stores as text: a line that says so, and a line of JSON for
// each. So what comes from elsewhere is never opened as a database, which would be code.

// exchangeFormat is the first line, and changes when an older regreen could not read on.
const exchangeFormat = `{"format":"regreen.outcomes/v1"}`

// Bounds of what is imported.
const (
	maxImported = 200_000
	maxLine     = 64 << 10
)

// exchanged is an outcome as a line of text, and as a server has it.
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

// Export writes the selected outcomes of a store, oldest first, and tells how many. The
// same outcomes give the same text.
func Export(ctx context.Context, from Store, q Query, w io.Writer) (int, error) {
	outcomes, err := from.Outcomes(ctx, q)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriter(w)
	_, _ = out.WriteString(exchangeFormat + "\n") // Flush gives the error
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

// Import records what Export wrote. Outcomes that the store has are not counted again, so
// stores that import each other's come to the same posteriors, in whatever order and
// however often. Text that is not all sound is an error before anything is recorded: it
// may come from anyone.
func Import(ctx context.Context, into Store, r io.Reader) error {
	outcomes, err := parseExchanged(r)
	if err != nil {
		return fmt.Errorf("outcomes cannot be imported: %w", err)
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
		return nil, cmp.Or(lines.Err(), fmt.Errorf("the text does not begin as that of this regreen does, but %.60q", lines.Text()))
	}
	for n := 2; lines.Scan(); n++ {
		o, err := parseLine(lines.Bytes())
		switch {
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", n, err)
		case len(outcomes) == maxImported:
			return nil, fmt.Errorf("there are more than %d", maxImported)
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
