// Package runner is a client of the services that GitHub's runner offers to a step in
// addition to the REST API: the artifacts of the workflow run, and the cache of the
// repository. It supports the services of github.com, the older cache service of GitHub
// Enterprise Server, and the servers of nektos/act. The services are not documented; the
// clients that GitHub publishes (packages artifact and cache of actions/toolkit) are the
// reference.
//
// Goals: the content of artifacts and caches is untrusted, and is unpacked within limits
// or not at all; the runtime token goes only to the service; no error contains the token or
// a signed URL, which is as powerful.
//
// Non-goals: artifacts of other runs, which the REST API has, and the format of
// actions/cache: neither finds what the other saved.
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

	"github.com/regreen-ci/regreen/internal/backoff"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// The causes of errors, for errors.Is.
var (
	// ErrNoRuntime means that the runner does not offer a service to this step.
	ErrNoRuntime = errors.New("runner service not available to this step")
	// ErrExists means that an artifact or a cache of that name exists; it is unchanged.
	ErrExists = errors.New("name already taken")
	// ErrBroken means that an archive is damaged or must not be unpacked.
	ErrBroken = errors.New("broken or unsafe archive")
)

// Client is a step's access to the services. It is safe for concurrent use.
type Client struct {
	http      *http.Client
	token     string
	results   string // origin of the results service; "" without one
	run, job  string // their IDs in the results service; "" if the token does not have them
	cache     cacheService
	retention int   // for how many days the repository keeps artifacts; 0 if unknown
	block     int64 // bytes of a file in one request

	sleep func(context.Context, time.Duration) error
}

// New returns a client for the step's environment. If the runner offers no service to the
// step, as for a `run:` step, the error is ErrNoRuntime and says why. If only one service is
// missing, the methods that need it return ErrNoRuntime.
//
// The client uses the transport of the given one, or the default transport if that is nil.
// It does not follow redirects and does not keep cookies.
func New(getenv func(string) string, client *http.Client) (*Client, error) {
	c := &Client{http: &http.Client{}, token: getenv("ACTIONS_RUNTIME_TOKEN"), block: 8 << 20, sleep: backoff.Sleep}
	if client != nil {
		c.http.Transport = client.Transport
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if c.token == "" {
		return nil, noRuntime("ACTIONS_RUNTIME_TOKEN is not set", "GitHub sets it for node and docker actions; a `run:` step, even in a composite action, gets it only if an earlier step passes it on")
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
		return nil, noRuntime("neither ACTIONS_RESULTS_URL nor ACTIONS_CACHE_URL is set", "GitHub sets them together with ACTIONS_RUNTIME_TOKEN")
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

// baseURL returns the URL in a variable, or nil if that is empty. Errors do not quote it,
// because the path of nektos/act's contains a secret.
func baseURL(getenv func(string) string, name string) (*url.URL, error) {
	value := getenv(name)
	if value == "" {
		return nil, nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, noRuntime(name+" is not a valid URL", "do not change the value that the runner sets")
	}
	return u, nil
}

// enterprise reports whether a server is a GitHub Enterprise Server, which has the older
// cache service whatever the environment says.
func enterprise(server string) bool {
	u, err := url.Parse(cmp.Or(server, "https://github.com"))
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return host != "github.com" && !strings.HasSuffix(host, ".ghe.com") && !strings.HasSuffix(host, ".localhost")
}

// backendIDs returns the results service's IDs of the run and the job from a token's claims,
// or "" if they are missing. It does not check the signature; that is up to the service.
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
	return &usererr.Error{What: "cannot use artifacts and caches", Advice: hint, Err: fmt.Errorf("%w: %s", ErrNoRuntime, reason)}
}
