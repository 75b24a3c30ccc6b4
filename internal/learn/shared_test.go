package learn_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/learn/storetest"
)

// share returns the handle of a process that uses the file of its machine.
func share(t testing.TB, file, address string, log io.Writer, now func() time.Time) *learn.Shared {
	t.Helper()
	local, err := learn.OpenSQLite(file, learn.SQLiteOptions{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return learn.NewShared(local, connect(t, address, learn.RedisOptions{Now: now}), slog.New(slog.NewTextHandler(log, nil)))
}

// TestSharedContract runs the contract with each handle on its own machine, and with all
// on one machine.
func TestSharedContract(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t)
	var n atomic.Int64
	for name, file := range map[string]func(dir string) string{
		"machines":    func(dir string) string { return filepath.Join(dir, fmt.Sprint(n.Add(1)), "learn.db") },
		"one machine": func(dir string) string { return filepath.Join(dir, "learn.db") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t *testing.T, now func() time.Time) storetest.Connect {
				dir, address := t.TempDir(), server.URL(fmt.Sprint("n", n.Add(1)))
				return func() learn.Store { return share(t, file(dir), address, t.Output(), now) }
			})
		})
	}
}

// TestSharedWithoutServer checks that outcomes recorded while the server is down are not
// lost, are counted once when it is up again, and cause a single warning.
func TestSharedWithoutServer(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t)
	file := filepath.Join(t.TempDir(), "learn.db")
	var log bytes.Buffer
	use := func() *learn.Shared { return share(t, file, server.URL("n"), &log, nil) }
	first := use()
	defer first.Close()
	if err := first.Record(t.Context(), one("before")); err != nil {
		t.Fatal(err)
	}

	server.Kill()
	for i := range 3 {
		if err := first.Record(t.Context(), one(fmt.Sprint(i))); err != nil {
			t.Errorf("the server is down: %v", err)
		}
		if got, err := first.Posteriors(t.Context(), learn.Context{}); err != nil || got["guard"].Alpha != float64(i+2) {
			t.Errorf("posteriors: got %v, %v, want those of the file", got, err)
		}
		if got, err := first.Outcomes(t.Context(), learn.Query{}); err != nil || len(got) != i+2 {
			t.Errorf("outcomes: got %v, %v, want those of the file", got, err)
		}
	}
	if n, err := first.Waiting(t.Context()); err != nil || n != 3 {
		t.Errorf("%d outcomes wait, %v", n, err)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "server unreachable") {
		t.Errorf("log:\n%s", log.String())
	}

	server.Start()
	elsewhere := connect(t, server.URL("n"), learn.RedisOptions{})
	defer elsewhere.Close()
	wantSum(t, elsewhere, 1)
	second := use()
	defer second.Close()
	wantSum(t, second, 4) // reading is enough to send
	wantSum(t, elsewhere, 4)
	if n, err := second.Waiting(t.Context()); err != nil || n != 0 {
		t.Errorf("%d outcomes wait, %v", n, err)
	}
}

// wantSum checks that a store has n outcomes, and their sum.
func wantSum(t testing.TB, store learn.Store, n int) {
	t.Helper()
	ctx := context.Background()
	got, err := store.Posteriors(ctx, learn.Context{})
	if err != nil || math.Abs(got["guard"].Alpha-float64(n)) > 1e-6 {
		t.Fatalf("posteriors: got %v, %v, want %d", got, err, n)
	}
	if outcomes, err := store.Outcomes(ctx, learn.Query{}); err != nil || len(outcomes) != n {
		t.Fatalf("got %d outcomes (%v), want %d", len(outcomes), err, n)
	}
}

// TestSharedSendsOnlyOutcomes checks that the rest of a run does not leave the machine,
// and that Rejected reads the file.
func TestSharedSendsOnlyOutcomes(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t)
	store := share(t, filepath.Join(t.TempDir(), "learn.db"), server.URL("n"), t.Output(), nil)
	defer store.Close()
	batch := one("1")
	batch.Run = learn.Run{ID: "r", Command: "private", Started: time.Now()}
	batch.Failures = []learn.Failure{{Fingerprint: "f", Test: "private", Message: "private"}}
	batch.Attempts = []learn.Attempt{{ID: "a", Failure: "f", File: "private", Patch: "p", Verdict: "rejected", Reason: "private"}}
	if err := store.Record(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Rejected(t.Context(), "f"); err != nil || got["p"] != "rejected" {
		t.Errorf("rejected: %v, %v", got, err)
	}
	conn := rawRedis(t, server)
	keys, err := redis.Strings(conn.Do("KEYS", "*"))
	if err != nil || len(keys) == 0 {
		t.Fatalf("keys: %v, %v", keys, err)
	}
	for _, key := range keys {
		if dump, err := redis.String(conn.Do("DUMP", key)); err != nil || strings.Contains(dump, "private") {
			t.Errorf("%s holds %q, %v", key, dump, err)
		}
	}
	large := one("2")
	large.Outcomes[0].Run = strings.Repeat("x", learn.MaxOutcome)
	if err := store.Record(t.Context(), large); err == nil {
		t.Error("Record accepted an outcome that is too large for the server")
	}
	if n, err := store.Waiting(t.Context()); err != nil || n != 0 {
		t.Errorf("%d outcomes wait, %v", n, err)
	}
}

// TestSharedWithBrokenFile checks that a machine whose file is damaged reads from the server.
func TestSharedWithBrokenFile(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t)
	other := connect(t, server.URL("n"), learn.RedisOptions{})
	defer other.Close()
	if err := other.Record(t.Context(), one("1")); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() // a directory is not a database
	store := share(t, dir, server.URL("n"), io.Discard, nil)
	defer store.Close()
	wantSum(t, store, 1)
	wantError(t, store.Record(t.Context(), one("2")), learn.ErrDenied, dir)
}

// TestSharedLostReplies loses the server's reply to an outcome, and checks that it is sent
// again and counted once.
func TestSharedLostReplies(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t)
	direct := connect(t, server.URL("n"), learn.RedisOptions{})
	defer direct.Close()
	p := newProxy(t, server.Socket)
	file := filepath.Join(t.TempDir(), "learn.db")
	store := share(t, file, p.url(), io.Discard, nil)
	defer store.Close()
	if err := direct.Record(t.Context(), one("0")); err != nil { // now the server knows the script
		t.Fatal(err)
	}
	p.set(dropReplies)
	if err := store.Record(t.Context(), one("1")); err != nil {
		t.Fatal(err)
	}
	wantSum(t, direct, 2) // the server has it
	if n, err := store.Waiting(t.Context()); err != nil || n != 1 {
		t.Fatalf("%d outcomes wait, %v: the reply was not lost", n, err)
	}
	p.set(forward)
	var group sync.WaitGroup
	for range 4 { // all find it in the queue
		group.Go(func() {
			again := share(t, file, p.url(), t.Output(), nil)
			defer again.Close()
			if _, err := again.Posteriors(t.Context(), learn.Context{}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	wantSum(t, direct, 2)
	if n, err := store.Waiting(t.Context()); err != nil || n != 0 {
		t.Errorf("%d outcomes wait, %v", n, err)
	}
}

// TestSharedAnyOrder checks that the server has each outcome once at the end, whatever
// happens between the machines and the server.
func TestSharedAnyOrder(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t)
	p := newProxy(t, server.Socket)
	modes := []mode{forward, forward, dropReplies, refuse}
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 9))
		dir, address := t.TempDir(), p.urlOf(fmt.Sprint("n", seed))
		process := func(machine int) *learn.Shared {
			return share(t, filepath.Join(dir, fmt.Sprint(machine), "learn.db"), address, io.Discard, nil)
		}
		recorded := map[string]bool{}
		for range 10 {
			p.set(modes[rng.IntN(len(modes))])
			var b learn.Batch
			for range rng.IntN(5) {
				id := fmt.Sprint(rng.IntN(20))
				recorded[id] = true
				b.Outcomes = append(b.Outcomes, one(id).Outcomes...)
			}
			store := process(rng.IntN(2))
			if err := store.Record(t.Context(), b); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
		}
		p.set(forward)
		for machine := range 3 { // the third is new
			store := process(machine)
			defer store.Close()
			if _, err := store.Posteriors(t.Context(), learn.Context{}); err != nil {
				t.Fatal(err)
			}
			if n, err := store.Waiting(t.Context()); err != nil || n != 0 {
				t.Errorf("seed %d: %d outcomes wait, %v", seed, n, err)
			}
			if machine == 2 {
				wantSum(t, store, len(recorded))
			}
		}
	}
}

// TestSharedProcesses has eight processes on four machines record as fast as they can,
// while the server is killed and started again.
func TestSharedProcesses(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t)
	dir := t.TempDir()
	file := func(i int) string { return filepath.Join(dir, fmt.Sprint("m", i%4), "learn.db") }
	const processes, batches = 8, 8
	var started []*exec.Cmd
	stored := make(chan struct{}, processes*batches)
	for i := range processes {
		cmd, out := start(t, file(i)+" "+server.URL("n"), fmt.Sprint("p", i), fmt.Sprint(batches))
		go func() {
			for out.Scan() {
				stored <- struct{}{}
			}
		}()
		started = append(started, cmd)
	}
	for range processes { // until some are in the middle of it
		<-stored
	}
	server.Kill()
	<-stored
	server.Start()
	for _, cmd := range started {
		if err := cmd.Wait(); err != nil {
			t.Errorf("a process failed: %v", err)
		}
	}
	for i := range 4 { // send what is queued
		store := share(t, file(i), server.URL("n"), t.Output(), nil)
		defer store.Close()
		if _, err := store.Posteriors(t.Context(), learn.Context{}); err != nil {
			t.Error(err)
		}
		if n, err := store.Waiting(t.Context()); err != nil || n != 0 {
			t.Errorf("%d outcomes wait on machine %d, %v", n, i, err)
		}
	}
	all := connect(t, server.URL("n"), learn.RedisOptions{})
	defer all.Close()
	wantSum(t, all, processes*batches*batchSize)
}

// TestSharedAbandon checks that recording in the file does not wait for a server that never
// replies.
func TestSharedAbandon(t *testing.T) {
	t.Parallel()
	p := newProxy(t, "")
	p.set(ignore)
	var log bytes.Buffer
	file, err := learn.OpenSQLite(filepath.Join(t.TempDir(), "learn.db"), learn.SQLiteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	server := connect(t, p.url(), learn.RedisOptions{Timeout: time.Hour}) // more than the test has
	store := learn.NewShared(file, server, slog.New(slog.NewTextHandler(&log, nil)))
	defer store.Close()
	go func() {
		<-p.accepted
		store.Abandon()
	}()
	for i := range 2 {
		if err := store.Record(t.Context(), one(fmt.Sprint(i))); err != nil {
			t.Error(err)
		}
	}
	wantSum(t, store, 2)
	if n, err := store.Waiting(t.Context()); err != nil || n != 2 || log.Len() > 0 {
		t.Errorf("%d outcomes wait, %v; log: %q", n, err, log.String())
	}
}

// mode is the behavior of a proxy.
type mode int32

const (
	forward     mode = iota
	dropReplies      // forward requests only
	refuse           // close connections immediately
	ignore           // accept connections and do nothing
)

// proxy is between client and server, on a free port.
type proxy struct {
	listener net.Listener
	target   string
	mode     atomic.Int32
	accepted chan struct{} // one for each connection, up to its capacity

	mu    sync.Mutex
	conns map[net.Conn]bool
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return newProxyOn(t, listener, target)
}

func newProxyOn(t testing.TB, listener net.Listener, target string) *proxy {
	p := &proxy{listener: listener, target: target, accepted: make(chan struct{}, 100), conns: map[net.Conn]bool{}}
	go p.serve()
	t.Cleanup(p.close)
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) url() string { return p.urlOf("n") }

func (p *proxy) urlOf(namespace string) string {
	return "redis://" + p.address() + "?namespace=" + namespace
}

func (p *proxy) set(m mode) { p.mode.Store(int32(m)) }

func (p *proxy) is(m mode) bool { return p.mode.Load() == int32(m) }

func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		conn.Close()
	}
}

func (p *proxy) keep(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[conn] = true
}

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.keep(client)
		select {
		case p.accepted <- struct{}{}:
		default:
		}
		switch {
		case p.is(ignore):
			continue
		case p.is(refuse):
			client.Close()
			continue
		}
		server, err := net.Dial("unix", p.target)
		if err != nil {
			client.Close()
			continue
		}
		p.keep(server)
		go func() {
			_, _ = io.Copy(server, client)
			server.Close()
		}()
		go p.reply(client, server)
	}
}

// reply forwards replies. In mode dropReplies it closes the connections instead.
func (p *proxy) reply(client, server net.Conn) {
	defer client.Close()
	defer server.Close()
	buffer := make([]byte, 64<<10)
	for {
		read, err := server.Read(buffer)
		if err != nil || p.is(dropReplies) {
			return
		}
		if _, err := client.Write(buffer[:read]); err != nil {
			return
		}
	}
}
