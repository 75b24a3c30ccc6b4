package testrun

import (
	"fmt"
	"strings"
)

const (
	MaxOutput = 64 << 10 // bytes for one failure
	MinOutput = 4 << 10  // bytes for one failure when there are very many
)

// Capped keeps the head and the tail of what is written to it, and counts the bytes between.
// A panic's trace is at the end of a test's output and its cause often at the beginning, so
// the middle of a flood is the least useful part. One Capped may be both Stdout and Stderr
// of a Command. It is not safe for concurrent use.
type Capped struct {
	Limit   int // bytes kept; 0 means MaxOutput
	head    []byte
	tail    []byte
	skipped int
}

func (c *Capped) half() int {
	if c.Limit == 0 {
		return MaxOutput / 2
	}
	return c.Limit / 2
}

// Write never fails.
func (c *Capped) Write(p []byte) (int, error) {
	n, half := len(p), c.half()
	if room := half - len(c.head); room > 0 {
		take := min(room, len(p))
		c.head = append(c.head, p[:take]...)
		p = p[take:]
	}
	if surplus := len(p) - half; surplus > 0 {
		c.skipped += len(c.tail) + surplus
		c.tail, p = c.tail[:0], p[surplus:]
	}
	c.tail = append(c.tail, p...)
	// Letting the tail grow to twice its size before it is cut makes writing
	// cheap: each byte is moved at most once.
	if len(c.tail) > 2*half {
		c.cut(half)
	}
	return n, nil
}

func (c *Capped) cut(keep int) {
	if surplus := len(c.tail) - keep; surplus > 0 {
		c.skipped += surplus
		c.tail = append(c.tail[:0], c.tail[surplus:]...)
	}
}

// Size returns how many bytes are kept.
func (c *Capped) Size() int { return len(c.head) + len(c.tail) }

// Shrink lowers the limit and frees the memory.
func (c *Capped) Shrink(limit int) {
	c.Limit = limit
	half := c.half()
	if len(c.head)+len(c.tail) <= limit {
		return
	}
	rest := append(append([]byte(nil), c.head[min(half, len(c.head)):]...), c.tail...)
	c.head = append([]byte(nil), c.head[:min(half, len(c.head))]...)
	c.tail = nil
	if surplus := len(rest) - half; surplus > 0 {
		c.skipped += surplus
		rest = rest[surplus:]
	}
	c.tail = append(c.tail, rest...)
}

// Text returns what was kept, with a note where something was left out, and the number of
// bytes left out.
func (c *Capped) Text() (string, int) {
	c.cut(c.half())
	if c.skipped == 0 {
		return strings.ToValidUTF8(string(c.head)+string(c.tail), "\uFFFD"), 0
	}
	text := fmt.Sprintf("%s\n[... %d bytes left out ...]\n%s", c.head, c.skipped, c.tail)
	return strings.ToValidUTF8(text, "\uFFFD"), c.skipped
}

// Clip shortens text to MaxOutput.
func Clip(text string) string {
	var c Capped
	c.Write([]byte(text))
	text, _ = c.Text()
	return text
}
