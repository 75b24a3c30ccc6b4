package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	tries      = 4
	firstPause = 500 * time.Millisecond // doubles from then on
	maxPause   = 20 * time.Second       // a server that asks for more is not waited for
	callTime   = 30 * time.Second       // of one try of a call
	moveTime   = 5 * time.Minute        // of one try to move a part of a file, or a file
	maxAnswer  = 4 << 20                // an answer that is not a file
)

// request is one that can be sent again.
type request struct {
	method, url string
	header      map[string]string
	body        []byte
	// trusted requests go to the service itself and carry the runtime token. Others go
	// to where a signed URL leads, which is a storage of somebody else.
	trusted bool
	within  time.Duration // for one try
}

// refusal is an answer that is not a success.
type refusal struct {
	status int
	code   string // Twirp's, or ""
	text   string
	after  time.Duration // how long the server asks to wait
}

func (r *refusal) Error() string {
	s := fmt.Sprintf("the server says %d %s", r.status, http.StatusText(r.status))
	if r.text != "" {
		s += fmt.Sprintf(" (%s)", r.text)
	}
	return s
}

// mayPass tells whether the same request may get another answer.
func (r *refusal) mayPass() bool {
	switch r.status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return r.after <= maxPause
	}
	return r.status >= 500 && r.status != http.StatusNotImplemented && r.after <= maxPause
}

// exists tells whether what was to be made is there already.
func exists(err error) bool {
	var refused *refusal
	return errors.As(err, &refused) && (refused.status == http.StatusConflict || refused.code == "already_exists")
}

// final is an error in spite of a good answer, which would be the same next time.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// do sends a request and has the body of the answer read, again where that may help. A
// request that is not idempotent may so arrive twice.
func (c *Client) do(ctx context.Context, r request, read func(*http.Response) error) error {
	pause := firstPause
	for n := 1; ; n++ {
		err := c.send(ctx, r, read)
		if err == nil {
			return nil
		}
		var refused *refusal
		var last final
		if errors.As(err, &last) || errors.As(err, &refused) && !refused.mayPass() || n == tries || ctx.Err() != nil {
			return c.safe(ctx, err)
		}
		wait := time.Duration(float64(pause) * (1 + rand.Float64()) / 2) // the jobs of a matrix do not come back together
		if refused != nil {
			wait = max(wait, refused.after)
		}
		if c.sleep(ctx, wait) != nil {
			return c.safe(ctx, err)
		}
		pause *= 2
	}
}

func (c *Client) send(ctx context.Context, r request, read func(*http.Response) error) error {
	ctx, cancel := context.WithTimeout(ctx, r.within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return final{err}
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	req.Header.Set("User-Agent", "regreen")
	if r.trusted {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return readRefusal(resp)
	}
	return read(resp)
}

// readRefusal reads an answer that is not a success.
func readRefusal(resp *http.Response) *refusal {
	r := &refusal{status: resp.StatusCode}
	if seconds, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 31); err == nil {
		r.after = time.Duration(seconds) * time.Second
	}
	if resp.StatusCode < 400 {
		r.text = "redirects are not followed"
		return r
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // a part says something, too
	var said struct{ Code, Msg, Message string }
	if json.Unmarshal(body, &said) == nil {
		r.code, r.text = said.Code, said.Msg+said.Message
	}
	return r
}

// safe is an error without what is a secret: the token, and the URLs, which may be
// signed. Only what a caller can ask for stays of its causes.
func (c *Client) safe(ctx context.Context, err error) error {
	var at *url.Error
	var refused *refusal
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &refused):
		refused.text = c.clean(refused.text)
		return refused
	case errors.As(err, &at):
		err = at.Err
	}
	told := &cleaned{text: c.clean(err.Error())}
	for _, cause := range []error{ErrBroken, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			told.cause = cause
		}
	}
	return told
}

// cleaned is an error of which only the text and a cause are left.
type cleaned struct {
	text  string
	cause error
}

func (c *cleaned) Error() string { return c.text }
func (c *cleaned) Unwrap() error { return c.cause }

// clean makes text of a server fit a log: without the token, in one line, and short.
func (c *Client) clean(text string) string {
	const most = 300
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), c.token, "***")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}

// twirp calls a method of the results service. Where in has the fields of the protocol
// in its tags (snake_case), out's are found in the answer whichever of the two spellings
// of Protobuf's JSON the server uses: GitHub's has the one, and act's the other.
func (c *Client) twirp(ctx context.Context, service, method string, in, out any) error {
	return c.json(ctx, http.MethodPost, c.results+"/twirp/github.actions.results.api.v1."+service+"/"+method, "application/json", in, out)
}

// json calls the service. An answer that has no content leaves out alone.
func (c *Client) json(ctx context.Context, method, url, accept string, in, out any) error {
	r := request{method: method, url: url, header: map[string]string{"Accept": accept}, trusted: true, within: callTime}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return err
		}
		r.body, r.header["Content-Type"] = body, "application/json"
	}
	return c.do(ctx, r, func(resp *http.Response) error {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
		switch {
		case err != nil:
			return err
		case len(body) > maxAnswer:
			return final{errors.New("the server's answer is too long")}
		case out == nil || resp.StatusCode == http.StatusNoContent:
			return nil
		}
		if err := decode(body, out); err != nil {
			return final{fmt.Errorf("the server's answer is not what was expected: %w", err)}
		}
		return nil
	})
}

// decode reads JSON of which the names of fields may be in camelCase.
func decode(body []byte, out any) error {
	var tree any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // an int64 does not fit a float64
	if err := d.Decode(&tree); err != nil {
		return err
	}
	uniform, err := json.Marshal(snake(tree))
	if err != nil {
		return err
	}
	return json.Unmarshal(uniform, out)
}

func snake(tree any) any {
	switch tree := tree.(type) {
	case map[string]any:
		renamed := make(map[string]any, len(tree))
		for name, value := range tree {
			var b strings.Builder
			for _, r := range name {
				if unicode.IsUpper(r) {
					b.WriteByte('_')
				}
				b.WriteRune(unicode.ToLower(r))
			}
			renamed[b.String()] = snake(value)
		}
		return renamed
	case []any:
		for i := range tree {
			tree[i] = snake(tree[i])
		}
	}
	return tree
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
