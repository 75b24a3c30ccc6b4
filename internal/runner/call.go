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
	tries        = 4
	firstPause   = 500 * time.Millisecond // doubles each time
	maxPause     = 20 * time.Second       // no retry if the server asks for more
	callTime     = 30 * time.Second       // for one try of a call
	transferTime = 5 * time.Minute        // for one try to transfer a file or a part of it
	maxResponse  = 4 << 20                // bytes of a response that is not a file
)

// request can be sent more than once.
type request struct {
	method, url string
	header      map[string]string
	body        []byte
	// trusted requests go to the service itself and have the runtime token. Others go to
	// signed URLs, which lead to third-party storage.
	trusted bool
	timeout time.Duration // for one try
}

// refusal is a response that is not a success.
type refusal struct {
	status int
	code   string // of Twirp, or ""
	text   string
	after  time.Duration // how long the server asks to wait
}

func (r *refusal) Error() string {
	s := fmt.Sprintf("the server returned %d %s", r.status, http.StatusText(r.status))
	if r.text != "" {
		s += fmt.Sprintf(" (%s)", r.text)
	}
	return s
}

// temporary reports whether the same request may succeed later.
func (r *refusal) temporary() bool {
	switch r.status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return r.after <= maxPause
	}
	return r.status >= 500 && r.status != http.StatusNotImplemented && r.after <= maxPause
}

// exists reports whether err says that the artifact or the cache already exists.
func exists(err error) bool {
	var refused *refusal
	return errors.As(err, &refused) && (refused.status == http.StatusConflict || refused.code == "already_exists")
}

// final is an error after a successful response, which a retry would not change.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// do sends a request and calls read with the response. It retries both if that can help, so
// even a request that is not idempotent can arrive twice.
func (c *Client) do(ctx context.Context, r request, read func(*http.Response) error) error {
	pause := firstPause
	for n := 1; ; n++ {
		err := c.send(ctx, r, read)
		if err == nil {
			return nil
		}
		var refused *refusal
		var last final
		if errors.As(err, &last) || errors.As(err, &refused) && !refused.temporary() || n == tries || ctx.Err() != nil {
			return c.safe(ctx, err)
		}
		wait := time.Duration(float64(pause) * (1 + rand.Float64()) / 2) // so that the jobs of a matrix do not retry together
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
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
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

// readRefusal reads a response that is not a success.
func readRefusal(resp *http.Response) *refusal {
	r := &refusal{status: resp.StatusCode}
	if seconds, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 31); err == nil {
		r.after = time.Duration(seconds) * time.Second
	}
	if resp.StatusCode < 400 {
		r.text = "redirects are not followed"
		return r
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // after an error, part of it is enough
	var parsed struct{ Code, Msg, Message string }
	if json.Unmarshal(body, &parsed) == nil {
		r.code, r.text = parsed.Code, parsed.Msg+parsed.Message
	}
	return r
}

// safe returns an error without secrets: the token, and URLs, which may be signed. It keeps
// only the causes that callers check for.
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
	safe := &cleaned{text: c.clean(err.Error())}
	for _, cause := range []error{ErrBroken, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			safe.cause = cause
		}
	}
	return safe
}

// cleaned is an error reduced to its text and a cause.
type cleaned struct {
	text  string
	cause error
}

func (c *cleaned) Error() string { return c.text }
func (c *cleaned) Unwrap() error { return c.cause }

// clean returns a server's text for a log: without the token, in one line, and short.
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

// twirp calls a method of the results service. The tags of in and out are in snake_case. The
// response may use either spelling of Protobuf's JSON: GitHub uses snake_case, act camelCase.
func (c *Client) twirp(ctx context.Context, service, method string, in, out any) error {
	return c.json(ctx, http.MethodPost, c.results+"/twirp/github.actions.results.api.v1."+service+"/"+method, "application/json", in, out)
}

// json calls the service. A response without content does not change out.
func (c *Client) json(ctx context.Context, method, url, accept string, in, out any) error {
	r := request{method: method, url: url, header: map[string]string{"Accept": accept}, trusted: true, timeout: callTime}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return err
		}
		r.body, r.header["Content-Type"] = body, "application/json"
	}
	return c.do(ctx, r, func(resp *http.Response) error {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
		switch {
		case err != nil:
			return err
		case len(body) > maxResponse:
			return final{errors.New("the server's response is too long")}
		case out == nil || resp.StatusCode == http.StatusNoContent:
			return nil
		}
		if err := decode(body, out); err != nil {
			return final{fmt.Errorf("cannot parse the server's response: %w", err)}
		}
		return nil
	})
}

// decode parses JSON into snake_case fields, also if the JSON has them in camelCase.
func decode(body []byte, out any) error {
	var tree any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // a float64 cannot hold every int64
	if err := d.Decode(&tree); err != nil {
		return err
	}
	uniform, err := json.Marshal(snake(tree))
	if err != nil {
		return err
	}
	return json.Unmarshal(uniform, out)
}

// snake returns tree with the names of fields in snake_case.
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
