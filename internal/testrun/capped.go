package testrun

import (
	"fmt"
	"strings"
)

const (
	maxOutput = 64 << 10 // of one failure
	minOutput = 4 << 10  // of one failure, once there are very many
)

// capped keeps the head and the tail of what is written to it, and counts what
// lies between. A panic's trace is at the end of a test's output, its cause often
// at the beginning; the middle of a flood is the part to miss least.
type capped struct {
	limit   int // bytes kept; 0 means maxOutput
	head    []byte
	tail    []byte
	skipped int
}

func (c *capped) half() int {
	if c.limit == 0 {
		return maxOutput / 2
	}
	return c.limit / 2
}

// Write never fails.
func (c *capped) Write(p []byte) (int, error) {
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

func (c *capped) cut(keep int) {
	if surplus := len(c.tail) - keep; surplus > 0 {
		c.skipped += surplus
		c.tail = append(c.tail[:0], c.tail[surplus:]...)
	}
}

// size is how many bytes are kept.
func (c *capped) size() int { return len(c.head) + len(c.tail) }

// shrink lowers the limit and gives the memory back.
func (c *capped) shrink(limit int) {
	c.limit = limit
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

// text is what was kept, with a note where something was left out, and the number
// of bytes left out.
func (c *capped) text() (string, int) {
	c.cut(c.half())
	if c.skipped == 0 {
		return strings.ToValidUTF8(string(c.head)+string(c.tail), "\uFFFD"), 0
	}
	text := fmt.Sprintf("%s\n[... %d bytes left out ...]\n%s", c.head, c.skipped, c.tail)
	return strings.ToValidUTF8(text, "\uFFFD"), c.skipped
}

// clip shortens text to what one failure may keep.
func clip(text string) string {
	var c capped
	c.Write([]byte(text))
	text, _ = c.text()
	return text
}
