package learn

import (
	"context"
	"crypto/tls"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"
)

// Redis is a Store on a Redis (5 or later) or Valkey server that many machines share. It
// keeps outcomes and their sums. It ignores a batch's run, failures and attempts, which may
// quote code.
//
// V is the version of the layout and NAME the namespace. All keys of a namespace are in one
// slot of a cluster:
//
//	regreen:V:{NAME}:outcomes   hash: id -> the outcome as JSON
//	regreen:V:{NAME}:times      sorted set: id by time, in microseconds since 1970
//	regreen:V:{NAME}:sums:N     hash: ["strategy","language","kind",day,"alpha"] -> sum, and
//	                            the same with "beta"; for the 30 days from day 30*N
//
// The newest 50,000 outcomes are kept. A key expires if nothing is written to it for as long
// as an outcome counts.
type Redis struct {
	server Server
	opts   RedisOptions

	pool *redis.Pool // connects on first use

	closing sync.Once
	ended   chan struct{} // closed by Close
}

// RedisOptions changes how a Redis store works. The zero value is valid.
type RedisOptions struct {
	// Timeout limits a whole call; connecting and each reply get a part of it. Git hooks
	// wait this long. 0 for 2 s.
	Timeout time.Duration
	Kept    int              // how many outcomes are kept; 0 for 50,000
	Now     func() time.Time // nil for time.Now
}

const (
	layoutVersion = "1"
	periodDays    = 30
	keptOutcomes  = 50_000
	// MaxOutcome is the largest outcome that a Redis store takes, in bytes of JSON.
	MaxOutcome = 4 << 10
	// maxBatch bounds how long one script blocks the server.
	maxBatch = 10_000
)

//go:embed record.lua
var recordSource string

// recordScript takes the number of keys as its first argument.
var recordScript = sync.OnceValue(func() *redis.Script { return redis.NewScript(-1, recordSource) })

// OpenRedis returns the store on a server, which needs a namespace. It does not connect;
// the first call that needs the server does.
func OpenRedis(server Server, opts RedisOptions) (*Redis, error) {
	if server.address == "" {
		return nil, errors.New("learning store: no server given")
	}
	if err := checkNamespace(server.Namespace); err != nil {
		return nil, err
	}
	if opts.Timeout < 0 || opts.Kept < 0 {
		return nil, fmt.Errorf("learning store %v: negative timeout %v or number of outcomes %d", server, opts.Timeout, opts.Kept)
	}
	if opts.Timeout == 0 {
		opts.Timeout = 2 * time.Second
	}
	if opts.Kept == 0 {
		opts.Kept = keptOutcomes
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Redis{server: server, opts: opts, pool: server.pool(opts.Timeout), ended: make(chan struct{})}, nil
}

// Server returns the server that holds the store.
func (r *Redis) Server() Server { return r.server }

// Close implements Store. It also ends the calls in progress.
func (r *Redis) Close() error {
	r.closing.Do(func() { close(r.ended) })
	return r.explain("close", r.pool.Close())
}

// pool returns a pool of connections to the server. Connecting may take 3/20 of the time
// for a call, the TLS handshake as much, and a reply half: 300 ms, 300 ms and 1 s of 2 s.
func (s Server) pool(timeout time.Duration) *redis.Pool {
	connect, reply := timeout*3/20, timeout/2
	options := []redis.DialOption{
		redis.DialConnectTimeout(connect), redis.DialTLSHandshakeTimeout(connect),
		redis.DialReadTimeout(reply), redis.DialWriteTimeout(reply),
		redis.DialUsername(s.username), redis.DialPassword(s.password), redis.DialDatabase(s.db),
		redis.DialUseTLS(s.tls), redis.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}),
	}
	return &redis.Pool{MaxIdle: 1, DialContext: func(ctx context.Context) (redis.Conn, error) {
		return redis.DialContext(ctx, s.network, s.address, options...)
	}}
}

// call runs do with a connection. It returns when ctx ends, the time is over or the store
// is closed, even if a reply is still outstanding.
func call[T any](ctx context.Context, r *Redis, op string, do func(redis.Conn) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var zero T
	if err := ctx.Err(); err != nil {
		return zero, r.explain(op, err)
	}
	select {
	case <-r.ended:
		return zero, r.explain(op, errClosed)
	default:
	}
	bounded, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	results := make(chan result, 1)
	go func() {
		value, err := once(bounded, r, do)
		if isBroken(err) && bounded.Err() == nil { // an idle connection may have died
			value, err = once(bounded, r, do)
		}
		results <- result{value, err}
	}()
	select {
	case got := <-results:
		if got.err != nil && ctx.Err() != nil {
			got.err = ctx.Err()
		}
		return got.value, r.explain(op, got.err)
	case <-bounded.Done():
		return zero, r.explain(op, bounded.Err())
	case <-r.ended:
		return zero, r.explain(op, errClosed)
	}
}

// once runs do with a connection of the pool, without a retry.
func once[T any](ctx context.Context, r *Redis, do func(redis.Conn) (T, error)) (T, error) {
	conn, err := r.pool.GetContext(ctx)
	if err != nil {
		var zero T
		return zero, err
	}
	defer conn.Close()
	return do(conn)
}

// isBroken reports whether the connection was lost before the reply.
func isBroken(err error) bool {
	var network net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network) && !network.Timeout()
}

// Ping returns an error if the server is unreachable or refuses this user.
func (r *Redis) Ping(ctx context.Context) error {
	_, err := call(ctx, r, "reach", func(conn redis.Conn) (any, error) { return conn.Do("PING") })
	return err
}

func (r *Redis) key(parts ...string) string {
	return strings.Join(append([]string{"regreen", layoutVersion, "{" + r.server.Namespace + "}"}, parts...), ":")
}

func period(day int64) int64 { return int64(math.Floor(float64(day) / periodDays)) }

// encode returns the JSON of an outcome, or an error if a server would not take it.
func encode(o Outcome) (string, error) {
	text, err := json.Marshal(exchange(o))
	if err == nil && len(text) > MaxOutcome {
		err = fmt.Errorf("larger than %d bytes", MaxOutcome)
	}
	if err != nil {
		return "", fmt.Errorf("outcome %.40q: %w", o.ID, err)
	}
	return string(text), nil
}

// sum is a field of the hashes of sums.
type sum struct {
	Increment
	side string // alpha or beta
}

func (s sum) field() (string, error) {
	text, err := json.Marshal([]any{s.Strategy, s.Context.Language, s.Context.Kind, s.Day, s.side})
	return string(text), err
}

// parseSum parses a field of the hashes of sums and its amount. It returns false if either
// is invalid.
func parseSum(field, amount string) (Increment, bool) {
	var inc Increment
	var side string
	parts := []any{&inc.Strategy, &inc.Context.Language, &inc.Context.Kind, &inc.Day, &side}
	if err := json.Unmarshal([]byte(field), &parts); err != nil || len(parts) != 5 || inc.Strategy == "" {
		return Increment{}, false
	}
	value, err := strconv.ParseFloat(amount, 64)
	if err != nil || !(value >= 0) || math.IsInf(value, 1) {
		return Increment{}, false
	}
	switch side {
	case "alpha":
		inc.Alpha = value
	case "beta":
		inc.Beta = value
	default:
		return Increment{}, false
	}
	return inc, true
}

// Record implements Store.
func (r *Redis) Record(ctx context.Context, b Batch) error {
	if err := b.Validate(); err != nil {
		return r.explain("write to", err)
	}
	if len(b.Outcomes) > maxBatch {
		return r.explain("write to", fmt.Errorf("batch has %d outcomes, more than %d", len(b.Outcomes), maxBatch))
	}
	keys, args, err := r.arguments(b.Outcomes)
	if err != nil {
		return r.explain("write to", err)
	}
	if len(b.Outcomes) == 0 {
		return nil
	}
	all := redis.Args{len(keys)}.AddFlat(keys).Add(args...)
	_, err = call(ctx, r, "write to", func(conn redis.Conn) (any, error) { return recordScript().Do(conn, all...) })
	return err
}

// arguments returns the keys and arguments for record.lua.
func (r *Redis) arguments(outcomes []Outcome) (keys []string, args []any, err error) {
	now := r.opts.Now()
	keys = []string{r.key("outcomes"), r.key("times")}
	keep := int64(10*DefaultHalfLife/time.Second) + 2*periodDays*24*60*60
	args = []any{r.opts.Kept, keep}
	for _, o := range outcomes {
		if o.At.IsZero() {
			o.At = now
		}
		text, err := encode(o)
		if err != nil {
			return nil, nil, err
		}
		inc, at := o.Increment(), 0
		if o.Weight > 0 {
			// A clock that is ahead dates outcomes into the future: count them in the present.
			key := r.key("sums", strconv.FormatInt(min(period(inc.Day), period(Day(now))), 10))
			if at = slices.Index(keys, key) + 1; at == 0 {
				keys = append(keys, key)
				at = len(keys)
			}
		}
		alpha, err := sum{inc, "alpha"}.field()
		if err != nil {
			return nil, nil, err
		}
		beta, err := sum{inc, "beta"}.field()
		if err != nil {
			return nil, nil, err
		}
		args = append(args, o.ID, text, o.At.UnixMicro(), at, alpha, amount(inc.Alpha), beta, amount(inc.Beta))
	}
	return keys, args, nil
}

func amount(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// Posteriors implements Store.
func (r *Redis) Posteriors(ctx context.Context, c Context) (map[string]Posterior, error) {
	now := r.opts.Now()
	increments, err := call(ctx, r, "read", func(conn redis.Conn) ([]Increment, error) {
		// The next period too: the clock that recorded may be ahead.
		for p := period(Horizon(now, DefaultHalfLife)); p <= period(Day(now))+1; p++ {
			if err := conn.Send("HGETALL", r.key("sums", strconv.FormatInt(p, 10))); err != nil {
				return nil, err
			}
		}
		periods, err := redis.Values(conn.Do("")) // the replies to all
		if err != nil {
			return nil, err
		}
		var increments []Increment
		for _, p := range periods {
			var fault error
			if reply, ok := p.(redis.Error); ok {
				fault = reply
			}
			sums, err := redis.StringMap(p, fault)
			if err != nil {
				return nil, err
			}
			for field, value := range sums {
				if inc, ok := parseSum(field, value); ok {
					increments = append(increments, inc)
				}
			}
		}
		return increments, nil
	})
	if err != nil {
		return nil, err
	}
	return Fold(increments, c, now, DefaultHalfLife), nil
}

// readBatch is how many outcomes one request asks for.
const readBatch = 1000

// Outcomes implements Store.
func (r *Redis) Outcomes(ctx context.Context, q Query) ([]Outcome, error) {
	outcomes, err := call(ctx, r, "read", func(conn redis.Conn) ([]Outcome, error) {
		since := "-inf"
		if !q.Since.IsZero() {
			since = strconv.FormatInt(q.Since.UnixMicro(), 10)
		}
		ids, err := redis.Strings(conn.Do("ZREVRANGEBYSCORE", r.key("times"), "+inf", since))
		if err != nil {
			return nil, err
		}
		var newest []Outcome
		for some := range slices.Chunk(ids, readBatch) {
			texts, err := redis.Strings(conn.Do("HMGET", redis.Args{r.key("outcomes")}.AddFlat(some)...))
			if err != nil {
				return nil, err
			}
			for i, text := range texts { // empty if it was removed meanwhile; others may have written garbage
				o, err := parseLine([]byte(text))
				if o.ID = some[i]; err == nil && q.selects(o) {
					newest = append(newest, o)
				}
				if q.Limit > 0 && len(newest) == q.Limit {
					return newest, nil
				}
			}
		}
		return newest, nil
	})
	slices.Reverse(outcomes)
	return outcomes, err
}

// selects reports whether an outcome is of the query's run and strategy.
func (q Query) selects(o Outcome) bool {
	return (q.Run == "" || o.Run == q.Run) && (q.Strategy == "" || o.Strategy == q.Strategy)
}

// explain adds the cause, the place and a hint to an error; nil stays nil. No error has the
// password: the client's errors have only the address, and the server's never quote a login.
func (r *Redis) explain(op string, err error) error {
	if err == nil {
		return nil
	}
	hint := ""
	var reply redis.Error
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
	case errors.As(err, &reply):
		if isLogin(reply) {
			err, hint = fmt.Errorf("%w (%w)", ErrLogin, err), "check the user and the password in the URL, and the user's permissions on the server"
		}
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded), isBroken(err):
		err, hint = fmt.Errorf("%w (%w)", ErrUnreachable, err), "check that the server is running and reachable from here; outcomes are queued until it is"
	}
	return &Error{Op: op, Path: r.server.String(), Advice: hint, Err: err}
}

// isLogin reports whether a server's error is about a login or a permission. Old servers
// do not have an error code for each.
func isLogin(reply redis.Error) bool {
	text := strings.ToLower(string(reply))
	return strings.HasPrefix(text, "noperm") || strings.Contains(text, "auth") || strings.Contains(text, "pass")
}
