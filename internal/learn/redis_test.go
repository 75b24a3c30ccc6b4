package learn_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/learn/storetest"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// connect returns a store on a server. By default its timeout is long, because machines
// that run tests are busy.
func connect(t testing.TB, address string, opts learn.RedisOptions) *learn.Redis {
	t.Helper()
	server, err := learn.ParseServer(address)
	if err != nil {
		t.Fatal(err)
	}
	if opts.Timeout == 0 {
		opts.Timeout = time.Minute
	}
	store, err := learn.OpenRedis(server, opts)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// namespace returns a namespace that no other test has.
func namespace(t testing.TB) string { return url.QueryEscape(strings.ReplaceAll(t.Name(), " ", "-")) }

func TestRedisContract(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t)
	var n atomic.Int64 // the tests of the contract run at the same time
	storetest.Run(t, func(t *testing.T, now func() time.Time) storetest.Connect {
		address := server.URL(fmt.Sprint(namespace(t), n.Add(1)))
		return func() learn.Store { return connect(t, address, learn.RedisOptions{Now: now}) }
	})
}

func TestParseServer(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"redis://host":                                       "redis://host:6379",
		"redis://:secret@host:1234/5":                        "redis://host:1234/5",
		"valkey://user:secret@host/0?namespace=a/b":          "redis://host:6379",
		"rediss://user:secret@host":                          "rediss://host:6379",
		"valkeys://[::1]:7":                                  "rediss://[::1]:7",
		"unix:///run/redis.sock":                             "unix:///run/redis.sock",
		"unix://:secret@/run/r.sock?db=2":                    "unix:///run/r.sock?db=2",
		"http://host":                                        "",
		"redis:host":                                         "",
		"redis://":                                           "",
		"redis://host/first":                                 "",
		"redis://host/-1":                                    "",
		"redis://host?skip_verify=true":                      "",
		"redis://host?namespace=a%20b":                       "",
		"redis://host?namespace={x}":                         "",
		"redis://host?namespace=a%0Ab":                       "",
		"redis://host?db=1":                                  "",
		"redis://:secret/more@host":                          "",
		"redis://:sec%ret@host":                              "",
		"unix://host/run/redis.sock":                         "",
		"unix://":                                            "",
		"redis://host#secret":                                "",
		"redis://host?namespace=" + strings.Repeat("n", 201): "",
	} {
		server, err := learn.ParseServer(text)
		if got := server.String(); err == nil && got != want || (err != nil) != (want == "") {
			t.Errorf("%s: got %s, %v, want %q", text, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "sec") {
			t.Errorf("%s: the error shows the password: %v", text, err)
		}
	}
	server, err := learn.ParseServer("redis://host?namespace=github.com/a/b")
	if err != nil || server.Namespace != "github.com/a/b" {
		t.Errorf("namespace: %q, %v", server.Namespace, err)
	}
	for text, want := range map[string]bool{
		"redis://h": true, "unix:///s": true, "valkeys://h": true, "/path": false, "sqlite:a": false, "file:///a": false, "redis:x": false, "": false,
	} {
		if learn.IsServer(text) != want {
			t.Errorf("IsServer(%q): got %v, want %v", text, !want, want)
		}
	}
}

// TestPasswordIsNotShown checks that neither errors nor the printed server contain the
// password, whether it is escaped or not.
func TestPasswordIsNotShown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const secret = "hunter2xyz"
		noise := rapid.StringMatching(`[a-z0-9:/?#@%\[\]{} ]{0,4}`)
		password := noise.Draw(t, "before") + secret + noise.Draw(t, "after")
		address := rapid.SampledFrom([]string{"redis://:", "rediss://user:", "unix://:", "valkey://u:"}).Draw(t, "scheme") + password +
			rapid.SampledFrom([]string{"@host:1/2", "@host", "@/run/s?db=1", "@host?namespace=n", ""}).Draw(t, "rest")
		server, err := learn.ParseServer(address)
		if err != nil {
			if strings.Contains(usererr.OneLine(err), secret) {
				t.Fatalf("%s: %v", address, err)
			}
			return
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := u.User.Password(); !ok || strings.Contains(u.Host+u.Path, secret) {
			return // as a URL it is a host or a path, not a password
		}
		for _, text := range []string{server.String(), fmt.Sprintf("%v", server), fmt.Sprintf("%+v", server), fmt.Sprintf("%#v", server)} {
			if strings.Contains(text, secret) {
				t.Fatalf("%s shows as %s", address, text)
			}
		}
	})
}

func TestRedisLogin(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t, "--requirepass", "correct horse")
	address := func(password string) string {
		return "unix://:" + url.QueryEscape(password) + "@" + server.Socket + "?namespace=n"
	}
	for _, password := range []string{"battery staple", ""} {
		store := connect(t, address(password), learn.RedisOptions{})
		defer store.Close()
		err := store.Record(t.Context(), one("1"))
		wantError(t, err, learn.ErrLogin, server.Socket)
		if strings.Contains(err.Error(), "staple") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
	store := connect(t, strings.ReplaceAll(address("correct horse"), "+", "%20"), learn.RedisOptions{})
	defer store.Close()
	if err := store.Record(t.Context(), one("1")); err != nil {
		t.Errorf("with the password: %v", err)
	}
}

func TestRedisUnreachable(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t)
	store := connect(t, server.URL("n"), learn.RedisOptions{})
	defer store.Close()
	if err := store.Record(t.Context(), one("1")); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	_, err := store.Posteriors(t.Context(), learn.Context{})
	wantError(t, err, learn.ErrUnreachable, server.Socket)
	_, err = store.Outcomes(t.Context(), learn.Query{})
	wantError(t, err, learn.ErrUnreachable, server.Socket)
	wantError(t, store.Record(t.Context(), one("2")), learn.ErrUnreachable, server.Socket)
	wantError(t, store.Ping(t.Context()), learn.ErrUnreachable, server.Socket)
	server.Start()
	again := connect(t, server.URL("n"), learn.RedisOptions{})
	defer again.Close()
	if got, err := again.Outcomes(t.Context(), learn.Query{}); err != nil || len(got) != 1 {
		t.Errorf("outcomes after a restart: %v, %v", got, err)
	}
}

// TestRedisKeepsTheNewest checks that the number of outcomes is bounded, that their sums
// still count all, and that every key expires.
func TestRedisKeepsTheNewest(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t)
	store := connect(t, server.URL("n"), learn.RedisOptions{Kept: 5})
	defer store.Close()
	base := time.Now().Add(-time.Hour)
	for i := range 12 {
		b := one(fmt.Sprint(i))
		b.Outcomes[0].At = base.Add(time.Duration(i) * time.Minute)
		if err := store.Record(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	got, err := store.Outcomes(t.Context(), learn.Query{})
	if err != nil || len(got) != 5 || got[0].ID != "7" {
		t.Errorf("kept: %v, %v", got, err)
	}
	if p, err := store.Posteriors(t.Context(), learn.Context{}); err != nil || math.Abs(p["guard"].Alpha-12) > 0.1 {
		t.Errorf("posteriors: %v, %v", p, err)
	}
	keys, err := redis.Strings(rawRedis(t, server).Do("KEYS", "*"))
	if err != nil || len(keys) < 3 {
		t.Fatalf("keys: %v, %v", keys, err)
	}
	for _, key := range keys {
		if !strings.HasPrefix(key, "regreen:1:{n}:") {
			t.Errorf("unexpected key %q", key)
		}
		const day = 24 * 60 * 60
		if ttl, err := redis.Int(rawRedis(t, server).Do("TTL", key)); err != nil || ttl < 900*day {
			t.Errorf("%s expires after %d s, %v", key, ttl, err)
		}
	}
}

// rawRedis returns a connection that bypasses the store.
func rawRedis(t *testing.T, server *storetest.Redis) redis.Conn {
	t.Helper()
	conn, err := redis.Dial("unix", server.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestRedisIgnoresGarbage checks that invalid data of others is ignored.
func TestRedisIgnoresGarbage(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t)
	store := connect(t, server.URL("n"), learn.RedisOptions{})
	defer store.Close()
	if err := store.Record(t.Context(), one("1")); err != nil {
		t.Fatal(err)
	}
	conn := rawRedis(t, server)
	do := func(command string, args ...any) {
		t.Helper()
		if _, err := conn.Do(command, args...); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := redis.Strings(conn.Do("KEYS", "*sums*"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys of sums: %v, %v", keys, err)
	}
	day := learn.Day(time.Now())
	for i, field := range []string{
		"", "guard", "[]", `{"a":1}`, `["guard"]`, `["guard","","",1,2]`, `[1,2,3,4,5]`, `["guard","","","today","alpha"]`,
		fmt.Sprintf(`["guard","","",%d,"gamma"]`, day), fmt.Sprintf(`["","","",%d,"alpha"]`, day), fmt.Sprintf(`[null,"","",%d,"alpha"]`, day),
	} {
		do("HSET", keys[0], field, "1")
		do("HSET", keys[0], fmt.Sprintf(`["x%d","","",%d,"alpha"]`, i, day), []string{"NaN", "inf", "-1", "", "many"}[i%5])
	}
	for i, text := range []string{"", "{}", "null", "[]", `{"strategy":"guard","reward":7}`, `{"strategy":1}`} {
		id := fmt.Sprint("odd", i)
		do("HSET", "regreen:1:{n}:outcomes", id, text)
		do("ZADD", "regreen:1:{n}:times", i, id)
	}
	do("ZADD", "regreen:1:{n}:times", 1, "has no outcome")
	if got, err := store.Posteriors(t.Context(), learn.Context{}); err != nil || len(got) != 1 || got["guard"].Alpha != 1 {
		t.Errorf("posteriors: %v, %v", got, err)
	}
	if got, err := store.Outcomes(t.Context(), learn.Query{}); err != nil || len(got) != 1 {
		t.Errorf("outcomes: %v, %v", got, err)
	}
	do("SET", "regreen:1:{n}:outcomes", "of another type")
	if _, err := store.Outcomes(t.Context(), learn.Query{}); err == nil || errors.Is(err, learn.ErrUnreachable) {
		t.Errorf("a key of another type: %v", err)
	}
	if err := store.Record(t.Context(), one("2")); err == nil {
		t.Errorf("a key of another type: Record succeeded")
	}
	do("SET", keys[0], "of another type")
	if _, err := store.Posteriors(t.Context(), learn.Context{}); err == nil {
		t.Errorf("sums of another type: %v", err)
	}
}

func TestRedisBounds(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t)
	store := connect(t, server.URL("n"), learn.RedisOptions{})
	defer store.Close()
	large := one("1")
	large.Outcomes[0].Run = strings.Repeat("x", learn.MaxOutcome)
	if err := store.Record(t.Context(), large); err == nil {
		t.Error("a large outcome was accepted")
	}
	if err := store.Record(t.Context(), learn.Batch{Outcomes: slices.Repeat(one("1").Outcomes, 10_001)}); err == nil {
		t.Error("a large batch was accepted")
	}
	if keys, err := redis.Strings(rawRedis(t, server).Do("KEYS", "*")); err != nil || len(keys) > 0 {
		t.Errorf("the server has %v, %v", keys, err)
	}
	if _, err := learn.OpenRedis(learn.Server{}, learn.RedisOptions{}); err == nil {
		t.Error("an empty server was accepted")
	}
	bare, err := learn.ParseServer("redis://host")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := learn.OpenRedis(bare, learn.RedisOptions{}); err == nil {
		t.Error("an empty namespace was accepted")
	}
	bare.Namespace = "n"
	for _, opts := range []learn.RedisOptions{{Timeout: -1}, {Kept: -1}} {
		if _, err := learn.OpenRedis(bare, opts); err == nil {
			t.Errorf("%+v was accepted", opts)
		}
	}
}

// TestNamespacesDoNotMix checks that repositories on one server do not see each other's
// outcomes.
func TestNamespacesDoNotMix(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t)
	names := []string{"a", "a:b", "a/b", "b", "a*"}
	for i, name := range names {
		store := connect(t, server.URL(url.QueryEscape(name)), learn.RedisOptions{})
		defer store.Close()
		for range i + 1 {
			if err := store.Record(t.Context(), one(fmt.Sprint(i, name))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range names {
		store := connect(t, server.URL(url.QueryEscape(name)), learn.RedisOptions{})
		defer store.Close()
		if got, err := store.Outcomes(t.Context(), learn.Query{}); err != nil || len(got) != 1 {
			t.Errorf("%s has %v, %v", name, got, err)
		}
	}
}

// TestInterruptReturnsImmediately checks that a call returns when its context or its time
// ends, although the server accepts connections and never replies.
func TestInterruptReturnsImmediately(t *testing.T) {
	t.Parallel()
	p := newProxy(t, "")
	p.set(ignore)
	store := connect(t, p.url(), learn.RedisOptions{Timeout: time.Hour}) // more than the test has
	defer store.Close()
	hasty := connect(t, p.url(), learn.RedisOptions{Timeout: 50 * time.Millisecond})
	defer hasty.Close()
	_, err := hasty.Posteriors(t.Context(), learn.Context{})
	wantError(t, err, learn.ErrUnreachable, p.address())

	for len(p.accepted) > 0 {
		<-p.accepted
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-p.accepted
		cancel()
	}()
	if err := store.Record(ctx, one("1")); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestRedisPermissions checks that the permissions in docs/store.md are enough for all calls.
func TestRedisPermissions(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/store.md")
	if err != nil {
		t.Fatal(err)
	}
	permissions := regexp.MustCompile(`ACL SETUSER (regreen on >.*)`).FindSubmatch(page)
	if permissions == nil {
		t.Fatal("no permissions in docs/store.md")
	}
	server := storetest.StartRedis(t, append([]string{"--user"}, strings.Fields(string(permissions[1]))...)...)
	store := connect(t, "unix://regreen:PASSWORD@"+server.Socket+"?namespace=n", learn.RedisOptions{Kept: 1})
	defer store.Close()
	for i := range 3 {
		if err := store.Record(t.Context(), one(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := store.Posteriors(t.Context(), learn.Context{}); err != nil || got["guard"].Alpha != 3 {
		t.Errorf("posteriors: %v, %v", got, err)
	}
	if got, err := store.Outcomes(t.Context(), learn.Query{}); err != nil || len(got) != 1 {
		t.Errorf("outcomes: %v, %v", got, err)
	}
	if err := store.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := rawRedis(t, server).Do("FLUSHALL"); err != nil { // as the default user: the script must be sent again
		t.Fatal(err)
	}
	if err := store.Record(t.Context(), one("3")); err != nil {
		t.Error(err)
	}
}

// TestRedisTLS checks that the server's certificate is verified.
func TestRedisTLS(t *testing.T) {
	t.Parallel()
	server := storetest.StartRedis(t)
	certificate, file := selfSigned(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(newProxyOn(t, listener, server.Socket).address())
	if err != nil {
		t.Fatal(err)
	}
	direct := connect(t, server.URL("n"), learn.RedisOptions{})
	defer direct.Close()
	for i, tt := range []struct {
		host, roots string
		want        int // outcomes on the server afterwards
	}{
		{"localhost", os.DevNull, 0}, {"127.0.0.1", file, 0}, {"localhost", file, batchSize},
	} {
		// In another process, because a process reads the roots once.
		place := fmt.Sprintf("%s rediss://%s:%s?namespace=n", filepath.Join(t.TempDir(), "learn.db"), tt.host, port)
		cmd := exec.Command(os.Args[0], fmt.Sprint("p", i), "1")
		cmd.Env = append(os.Environ(), helper+"="+place, "SSL_CERT_FILE="+tt.roots, "SSL_CERT_DIR="+t.TempDir())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		wantSum(t, direct, tt.want)
	}
}

// selfSigned returns a certificate of localhost, and a file that holds it.
func selfSigned(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}
