package deliver_test

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	smtpmock "github.com/mocktools/go-smtp-mock/v2"
)

// mailServer is a server that keeps the mails it receives.
type mailServer struct {
	address string
	server  *smtpmock.Server
}

func smtp(t *testing.T, o smtpmock.ConfigurationAttr) mailServer {
	t.Helper()
	o.HostAddress = "127.0.0.1"
	server := smtpmock.New(o)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	return mailServer{fmt.Sprintf("127.0.0.1:%d", server.PortNumber()), server}
}

// messages returns the received mails. It waits for the first one: the server stores a mail only
// after it has answered the client.
func (m mailServer) messages() (all []string) {
	messages, _ := m.server.WaitForMessages(1, 5*time.Second)
	for _, message := range messages {
		if message.Msg() {
			all = append(all, message.MsgRequest())
		}
	}
	return all
}

// tlsServer is a mail server with TLS and a login, which go-smtp-mock lacks. The user is ci with
// the password hunter2.
type tlsServer struct {
	address string
	trust   *tls.Config // for a client that trusts it

	mu      sync.Mutex
	clear   []string // commands that were sent in the clear
	mails   []string
	answers map[string][]string // by command, each used once instead of its own
}

// serveTLS starts a server, with STARTTLS or with TLS from the beginning.
func serveTLS(t *testing.T, starttls bool) *tlsServer {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(web.Close)
	config := &tls.Config{Certificates: web.TLS.Certificates}
	s := &tlsServer{
		trust:   &tls.Config{RootCAs: web.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS12},
		answers: map[string][]string{},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	var open sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); open.Wait() })
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer func() { _ = conn.Close() }()
				upgrade := config
				if !starttls {
					conn, upgrade = tls.Server(conn, config), nil
				}
				_, _ = fmt.Fprint(conn, "220 mail.example.com\r\n")
				s.talk(conn, upgrade)
			})
		}
	})
	return s
}

// answer sets other answers to a command, each for one use.
func (s *tlsServer) answer(command string, texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[command] = texts
}

func (s *tlsServer) messages() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.mails...)
}

func (s *tlsServer) inTheClear() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.clear...)
}

// talk holds one conversation. Upgrade is the configuration for STARTTLS, or nil.
func (s *tlsServer) talk(conn net.Conn, upgrade *tls.Config) {
	text := textproto.NewConn(conn)
	say := func(line string) { _ = text.PrintfLine("%s", line) }
	loggedIn := false
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		command, rest, _ := strings.Cut(line, " ")
		command = strings.ToUpper(command)
		if other := s.other(command, line, upgrade != nil); other == "drop" {
			return
		} else if other != "" {
			say(other)
			continue
		}
		switch {
		case command == "EHLO" && upgrade != nil:
			say("250-mail.example.com")
			say("250 STARTTLS")
		case command == "EHLO":
			say("250-mail.example.com")
			say("250 AUTH LOGIN PLAIN")
		case command == "STARTTLS":
			say("220 ready")
			s.talk(tls.Server(conn, upgrade), nil)
			return
		case command == "AUTH":
			want := "PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00ci\x00hunter2"))
			if loggedIn = rest == want; loggedIn {
				say("235 welcome")
			} else {
				say("535 not with " + rest)
			}
		case command == "DATA" && loggedIn:
			say("354 ready")
			b, err := text.ReadDotBytes()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.mails = append(s.mails, string(b))
			s.mu.Unlock()
			if s.other("after DATA", "", false) == "drop" {
				return
			}
			say("250 accepted")
		case command == "QUIT":
			say("221 bye")
			return
		case loggedIn:
			say("250 ok")
		default:
			say("530 log in first")
		}
	}
}

// other returns the answer to use instead of the server's own, or "".
func (s *tlsServer) other(command, line string, inTheClear bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if inTheClear {
		s.clear = append(s.clear, line)
	}
	texts := s.answers[command]
	if len(texts) == 0 {
		return ""
	}
	s.answers[command] = texts[1:]
	return texts[0]
}
