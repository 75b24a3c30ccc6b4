// Package runner is what GitHub's runner offers to a step besides the REST API: the
// artifacts of the workflow run, and the cache of the repository. It speaks to the
// services of github.com, to the older cache service, which GitHub Enterprise Server
// has, and to the servers of nektos/act. There is no documentation of them: the clients
// that GitHub publishes (actions/toolkit, the packages artifact and cache) are.
//
// Goals: what comes from an artifact or a cache is somebody else's, and is unpacked
// within bounds, or not at all; the runtime token goes to the service alone, and never
// into an error; a signed URL, which is as good as a token, is in no error either.
//
// Non-goals: artifacts of other runs, which the REST API gives, and the format of what
// actions/cache saves: what one of them saves, the other does not find.
package runner

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/usererr"
)

// What an error can be, for errors.Is.
var (
	// ErrNoRuntime says that the runner does not offer a service to this step.
	ErrNoRuntime = errors.New("runner service not available to this step")
	// ErrExists says that there is a cache of that key already; it stays as it is.
	ErrExists = errors.New("name already taken")
	// ErrBroken says that an archive is damaged, or not one to unpack.
	ErrBroken = errors.New("broken or unsafe archive")
)

// Client is a step's access to the services. Its methods may be called from several
// goroutines.
type Client struct {
	http      *http.Client
	token     string
	results   string // origin of the results service; "" where there is none
	run, job  string // what the results service calls them; "" where the token does not say
	cache     cacheService
	retention int   // how many days the repository keeps an artifact at most; 0 where unknown
	block     int64 // how much of a file is one request

	sleep func(context.Context, time.Duration) error
}

// New makes the client from the step's environment. Where the runner gives the step
// nothing, as to a `run:` step, the error is ErrNoRuntime, and says why. What of the
// services is missing then is told by the methods that need it.
//
// The client follows no redirects, and keeps no cookies; nil stands for one with the
// default transport.
func New(getenv func(string) string, client *http.Client) (*Client, error) {
	c := &Client{http: &http.Client{}, token: getenv("ACTIONS_RUNTIME_TOKEN"), block: 8 << 20, sleep: sleep}
	if client != nil {
		c.http.Transport = client.Transport
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if c.token == "" {
		return nil, noRuntime("there is no ACTIONS_RUNTIME_TOKEN", "GitHub gives it to actions that run by node or docker; a `run:` step, in a composite action too, gets it only if it is handed on")
	}
	results, err := baseURL(getenv, "ACTIONS_RESULTS_URL")
	if err != nil {
		return nil, err
	}
	older, err := baseURL(getenv, "ACTIONS_CACHE_URL")
	if err != nil {
		return nil, err
	}
	if results == nil && older == nil {
		return nil, noRuntime("there is neither ACTIONS_RESULTS_URL nor ACTIONS_CACHE_URL", "GitHub sets them where it sets ACTIONS_RUNTIME_TOKEN")
	}
	if results != nil {
		c.results = results.Scheme + "://" + results.Host
	}
	c.run, c.job = backendIDs(c.token)
	c.retention, _ = strconv.Atoi(getenv("GITHUB_RETENTION_DAYS"))
	switch older = cmp.Or(older, results); {
	case getenv("ACTIONS_CACHE_SERVICE_V2") == "" || enterprise(getenv("GITHUB_SERVER_URL")):
		c.cache = cacheV1{c, strings.TrimSuffix(older.String(), "/") + "/_apis/artifactcache/"}
	case results != nil:
		c.cache = cacheV2{c}
	}
	return c, nil
}

// baseURL is the service that a variable names, nil where it names none. Its value is
// not for errors: nektos/act's has a secret in the path.
func baseURL(getenv func(string) string, name string) (*url.URL, error) {
	value := getenv(name)
	if value == "" {
		return nil, nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, noRuntime(name+" is no URL of a service", "leave it as the runner sets it")
	}
	return u, nil
}

// enterprise tells whether a server is a GitHub Enterprise Server, which has the older
// cache service whatever the environment says.
func enterprise(server string) bool {
	u, err := url.Parse(cmp.Or(server, "https://github.com"))
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return host != "github.com" && !strings.HasSuffix(host, ".ghe.com") && !strings.HasSuffix(host, ".localhost")
}

// backendIDs reads a token's claims for what the results service calls the run and the
// job; nothing where they do not say. It is not for us to check the signature.
func backendIDs(token string) (run, job string) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return "", ""
	}
	var claims struct {
		Scopes string `json:"scp"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return "", ""
	}
	for scope := range strings.FieldsSeq(claims.Scopes) {
		if parts := strings.Split(scope, ":"); len(parts) == 3 && parts[0] == "Actions.Results" {
			return parts[1], parts[2]
		}
	}
	return "", ""
}

func noRuntime(reason, hint string) error {
	return &usererr.Error{What: "artifacts and caches cannot be used", Advice: hint, Err: fmt.Errorf("%w: %s", ErrNoRuntime, reason)}
}
