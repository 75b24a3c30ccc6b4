package learn

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Server is the address of a shared store. It may hold a password, which String and %#v
// leave out.
type Server struct {
	// Namespace separates the repositories that share a server; see MaxNamespace.
	Namespace string

	network, address   string
	tls                bool
	db                 int
	username, password string
}

// MaxNamespace is the largest size of a namespace, in bytes. A namespace is printable text
// without braces and spaces.
const MaxNamespace = 200

// schemes maps the schemes of a server's URL to the scheme that String writes.
var schemes = map[string]string{"redis": "redis", "valkey": "redis", "rediss": "rediss", "valkeys": "rediss", "unix": "unix"}

// IsServer reports whether a text is the URL of a server. Otherwise it may be a path.
func IsServer(text string) bool {
	scheme, _, ok := strings.Cut(text, "://")
	return ok && schemes[scheme] != ""
}

// ParseServer reads the URL of a Redis or Valkey server:
//
//	redis://[USER:PASSWORD@]HOST[:PORT][/DB][?namespace=NAME]   also valkey://
//	rediss://...                                                with TLS, also valkeys://
//	unix://[USER:PASSWORD@]/SOCKET[?db=DB&namespace=NAME]
//
// No error quotes the URL: if the password is not escaped, it may be parsed as any other
// part of the URL.
func ParseServer(text string) (Server, error) {
	u, err := url.Parse(text)
	if err != nil || schemes[u.Scheme] == "" || u.Opaque != "" || u.Fragment != "" {
		return Server{}, errors.New("invalid store URL; in a password, escape everything except letters and digits, @ as %40")
	}
	s := Server{network: "tcp", tls: schemes[u.Scheme] == "rediss", username: u.User.Username()}
	var hasPassword bool
	if s.password, hasPassword = u.User.Password(); u.User != nil && !hasPassword {
		return Server{}, errors.New("store URL has a user but no password; write redis://:PASSWORD@HOST for a password alone")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Server{}, errors.New("invalid query in the store URL")
	}
	db := strings.Trim(u.Path, "/")
	known := []string{"namespace"}
	if u.Scheme == "unix" {
		s.network, s.address, db, known = "unix", u.Path, query.Get("db"), append(known, "db")
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.Trim(u.Path, "/") == "" {
			return Server{}, errors.New("store URL needs the absolute path of a socket, for example unix:///run/redis.sock")
		}
	} else {
		port := u.Port()
		if port == "" {
			port = "6379"
		}
		if u.Hostname() == "" {
			return Server{}, errors.New("store URL has no host")
		}
		s.address = net.JoinHostPort(u.Hostname(), port)
	}
	if db != "" {
		if s.db, err = strconv.Atoi(db); err != nil || s.db < 0 {
			return Server{}, errors.New("the database in the store URL is not a number")
		}
	}
	for key := range query {
		if !slices.Contains(known, key) {
			return Server{}, errors.New("unknown parameter in the store URL; use one of " + strings.Join(known, ", "))
		}
	}
	if s.Namespace = query.Get("namespace"); s.Namespace != "" {
		err = checkNamespace(s.Namespace)
	}
	return s, err
}

func checkNamespace(name string) error {
	odd := func(r rune) bool { return !strconv.IsPrint(r) || r == ' ' || r == '{' || r == '}' }
	if name == "" || len(name) > MaxNamespace || !utf8.ValidString(name) || strings.ContainsFunc(name, odd) {
		return fmt.Errorf("invalid store namespace: expected 1 to %d bytes without spaces and braces", MaxNamespace)
	}
	return nil
}

// String returns the URL without user, password and namespace.
func (s Server) String() string {
	u := url.URL{Scheme: "redis", Host: s.address}
	switch {
	case s.network == "unix":
		u = url.URL{Scheme: "unix", Path: s.address}
		if s.db != 0 {
			u.RawQuery = "db=" + strconv.Itoa(s.db)
		}
		return u.String()
	case s.tls:
		u.Scheme = "rediss"
	}
	if s.db != 0 {
		u.Path = "/" + strconv.Itoa(s.db)
	}
	return u.String()
}

// GoString keeps the password out of %#v as well.
func (s Server) GoString() string { return fmt.Sprintf("learn.Server(%q)", s.String()) }
