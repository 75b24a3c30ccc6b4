package githubtest

import (
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
)

// Fault is a way in which a request goes wrong.
type Fault struct {
	Method, Path string // of the request: the method and a part of the path; "" means any
	Times        int    // for how many requests; 0 means 1

	// Late means that the request is carried out first and only its answer is lost.
	Late bool

	// One of these: an answer with this status, the first half of the answer, a reset
	// connection, or no answer until the client goes away.
	Status int
	Header map[string]string // of the answer with Status
	Body   string
	Half   bool
	Reset  bool
	Hang   bool
}

// Faults lets requests to a server go wrong, in the order in which faults were injected.
type Faults struct {
	mu   sync.Mutex
	list []Fault
}

// Inject adds faults, each for the next requests that it matches.
func (f *Faults) Inject(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, faults...)
}

// next returns the fault for a request, or nil.
func (f *Faults) next(r *http.Request) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.list {
		fault := f.list[i]
		if fault.Method != "" && fault.Method != r.Method || !strings.Contains(r.URL.Path, fault.Path) {
			continue
		}
		if f.list[i].Times--; f.list[i].Times <= 0 {
			f.list = append(f.list[:i:i], f.list[i+1:]...)
		}
		return &fault
	}
	return nil
}

// Wrap returns a handler with the faults.
func (f *Faults) Wrap(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault := f.next(r)
		if fault == nil {
			handler.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		answer.Body.WriteString(`{"message": "half of a longer answer"}`)
		if fault.Late {
			answer.Body.Reset()
			handler.ServeHTTP(answer, r)
		}
		switch {
		case fault.Hang:
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client disconnects
			<-r.Context().Done()
		case fault.Reset:
			reset(w)
		case fault.Half:
			maps.Copy(w.Header(), answer.Header())
			w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		default:
			for name, value := range fault.Header {
				w.Header().Set(name, value)
			}
			w.WriteHeader(fault.Status)
			_, _ = w.Write([]byte(fault.Body))
		}
	})
}

// reset closes the connection like a crashed peer.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
