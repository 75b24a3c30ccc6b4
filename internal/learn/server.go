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

// Server says where a shared store is. It may hold a password, which no text of it shows.
type Server struct {
	// Namespace keeps the repositories apart that share a server; see MaxNamespace.
	Namespace string

	network, address   string
	tls                bool
	db                 int
	username, password string
}

// MaxNamespace is how many bytes the name of a namespace may have. It is printable
// text without braces and spaces.
const MaxNamespace = 200

// schemes are those of a server's URL, and how each is told.
var schemes = map[string]string{"redis": "redis", "valkey": "redis", "rediss": "rediss", "valkeys": "rediss", "unix": "unix"}

// IsServer tells whether a text means a server; if not it may be a file's path.
func IsServer(text string) bool {
	scheme, _, ok := strings.Cut(text, "://")
	return ok && schemes[scheme] != ""
}

// ParseServer reads the URL of a Redis or Valkey server:
//
//	redis://[USER:PASSWORD@]HOST[:PORT][/DB][?namespace=NAME]   also valkey://
//	rediss://...                                                by TLS, also valkeys://
//	unix://[USER:PASSWORD@]/SOCKET[?db=DB&namespace=NAME]
//
// No error quotes the URL: with a password that is not escaped, any part of it may be
// taken for another.
func ParseServer(text string) (Server, error) {
	u, err := url.Parse(text)
	if err != nil || schemes[u.Scheme] == "" || u.Opaque != "" || u.Fragment != "" {
		return Server{}, errors.New("the URL of the store cannot be read; in a password, escape all but letters and digits, as %40 for @")
	}
	s := Server{network: "tcp", tls: schemes[u.Scheme] == "rediss", username: u.User.Username()}
	var whole bool
	if s.password, whole = u.User.Password(); u.User != nil && !whole {
		return Server{}, errors.New("the URL of the store has a user and no password; a password alone is written after a colon, as in redis://:PASSWORD@HOST")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Server{}, errors.New("what follows the ? in the URL of the store cannot be read")
	}
	db := strings.Trim(u.Path, "/")
	known := []string{"namespace"}
	if u.Scheme == "unix" {
		s.network, s.address, db, known = "unix", u.Path, query.Get("db"), append(known, "db")
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.Trim(u.Path, "/") == "" {
			return Server{}, errors.New("a unix: store needs the absolute path of a socket, as unix:///run/redis.sock")
		}
	} else {
		port := u.Port()
		if port == "" {
			port = "6379"
		}
		if u.Hostname() == "" {
			return Server{}, errors.New("the URL of the store names no host")
		}
		s.address = net.JoinHostPort(u.Hostname(), port)
	}
	if db != "" {
		if s.db, err = strconv.Atoi(db); err != nil || s.db < 0 {
			return Server{}, errors.New("the database in the URL of the store is no number")
		}
	}
	for key := range query {
		if !slices.Contains(known, key) {
			return Server{}, errors.New("the URL of the store sets something unknown; known are " + strings.Join(known, ", "))
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
		return fmt.Errorf("the namespace in the store is none: it needs 1 to %d bytes, without spaces and braces", MaxNamespace)
	}
	return nil
}

// String is the URL without user, password and namespace.
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
