package runnertest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// blob is a file in the storage.
type blob struct {
	signature string
	blocks    map[string][]byte
	data      []byte
	committed bool
}

func (s *Server) newBlob(data []byte) (name string) {
	name = fmt.Sprint("b", s.id())
	s.blobs[name] = &blob{signature: "a+b/" + name + "=", blocks: map[string][]byte{}, data: data, committed: data != nil}
	return name
}

// signed returns the URL of a blob. Its signature breaks if it is not escaped properly.
func (s *Server) signed(name string) string {
	return s.storage.URL + "/blob/" + name + "?sv=2025-01-05&sig=a%2Bb%2F" + name + "%3D"
}

func sum(data []byte) string {
	hash := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(hash[:])
}

// put stores a block or a block list, like Azure.
func (s *Server) put(w http.ResponseWriter, r *http.Request) {
	blob := s.blobs[r.PathValue("name")]
	body, err := io.ReadAll(r.Body)
	if err != nil || r.ContentLength != int64(len(body)) {
		s.t.Errorf("a body of %d bytes has Content-Length %d: %v", len(body), r.ContentLength, err)
	}
	switch query := r.URL.Query(); query.Get("comp") {
	case "block":
		id, err := base64.StdEncoding.DecodeString(query.Get("blockid"))
		if err != nil || len(id) == 0 || len(id) > 64 {
			s.t.Errorf("invalid block ID %q", query.Get("blockid"))
		}
		for other := range blob.blocks {
			if len(other) != len(query.Get("blockid")) {
				s.t.Errorf("block IDs differ in length: %q and %q", other, query.Get("blockid"))
			}
		}
		blob.blocks[query.Get("blockid")] = body
	case "blocklist":
		var list struct {
			XMLName xml.Name `xml:"BlockList"`
			Latest  []string
		}
		if err := xml.Unmarshal(body, &list); err != nil {
			s.t.Errorf("invalid block list: %v", err)
		}
		blob.data = nil
		for _, id := range list.Latest {
			part, ok := blob.blocks[id]
			if !ok {
				s.t.Errorf("block %q was not sent", id)
			}
			blob.data = append(blob.data, part...)
		}
		blob.committed = true
	default: // act's server would lose it silently
		s.t.Errorf("a blob was not uploaded in blocks: %s", r.URL.RawQuery)
	}
	w.WriteHeader(http.StatusCreated)
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	data := s.blobs[r.PathValue("name")].data
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data)
}
