package runner

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
)

// store puts a file where a signed URL leads, as a block blob of Azure's. It always goes
// by blocks, even for one: act's server takes nothing else.
func (c *Client) store(ctx context.Context, signed string, file io.ReaderAt, size int64) error {
	list := blockList{}
	for at := int64(0); at < size; at += c.block {
		block := make([]byte, min(c.block, size-at))
		if _, err := file.ReadAt(block, at); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		id := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%08d", len(list.Latest))) // all have to be as long
		if err := c.put(ctx, signed, "comp=block&blockid="+url.QueryEscape(id), "application/octet-stream", block); err != nil {
			return err
		}
		list.Latest = append(list.Latest, id)
	}
	body, err := xml.Marshal(list)
	if err != nil {
		return err
	}
	return c.put(ctx, signed, "comp=blocklist", "application/xml", append([]byte(xml.Header), body...))
}

// blockList says of which blocks a blob is made.
type blockList struct {
	XMLName xml.Name `xml:"BlockList"`
	Latest  []string
}

func (c *Client) put(ctx context.Context, signed, query, contentType string, body []byte) error {
	u, err := url.Parse(signed)
	if err != nil {
		return errors.New("the service gave no URL to store at") // which the cause would show
	}
	if u.RawQuery != "" { // as it was signed
		query = u.RawQuery + "&" + query
	}
	u.RawQuery = query
	header := map[string]string{"Content-Type": contentType, "x-ms-blob-type": "BlockBlob", "x-ms-blob-content-type": "application/zip"}
	return c.do(ctx, request{method: http.MethodPut, url: u.String(), header: header, body: body, within: moveTime},
		func(resp *http.Response) error {
			_, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
			return err
		})
}

// fetch gets what a signed URL leads to into a file, in place of what that has, and gives
// the SHA-256 of it. More than so many bytes are an error.
func (c *Client) fetch(ctx context.Context, signed string, file *os.File, most int64) (sum string, size int64, err error) {
	r := request{method: http.MethodGet, url: signed, header: map[string]string{"Accept-Encoding": "identity"}, within: moveTime}
	err = c.do(ctx, r, func(resp *http.Response) error {
		if err := errors.Join(file.Truncate(0), rewind(file)); err != nil {
			return final{err}
		}
		hash := sha256.New()
		n, err := io.Copy(io.MultiWriter(file, hash), io.LimitReader(resp.Body, most+1))
		switch {
		case errors.As(err, new(*os.PathError)): // the disk's
			return final{err}
		case err != nil:
			return err
		case n > most:
			return final{fmt.Errorf("%w: it has more than %d bytes", ErrBroken, most)}
		}
		sum, size = hex.EncodeToString(hash.Sum(nil)), n
		return nil
	})
	return sum, size, err
}

func rewind(file io.Seeker) error {
	_, err := file.Seek(0, io.SeekStart)
	return err
}

// spool is a temporary file, and what removes it.
func spool() (file *os.File, remove func(), err error) {
	file, err = os.CreateTemp("", "regreen-*.zip")
	if err != nil {
		return nil, nil, err
	}
	return file, func() { _ = file.Close(); _ = os.Remove(file.Name()) }, nil
}

// digest is the SHA-256 and the size of a file.
func digest(file io.ReadSeeker) (sum string, size int64, err error) {
	hash := sha256.New()
	if err := rewind(file); err != nil {
		return "", 0, err
	}
	size, err = io.Copy(hash, file)
	return hex.EncodeToString(hash.Sum(nil)), size, err
}
