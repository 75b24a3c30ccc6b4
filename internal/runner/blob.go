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

// store uploads a file to a signed URL as an Azure block blob. It uses blocks even if one is
// enough, because act's server accepts nothing else.
func (c *Client) store(ctx context.Context, signed string, file io.ReaderAt, size int64) error {
	list := blockList{}
	for at := int64(0); at < size; at += c.block {
		block := make([]byte, min(c.block, size-at))
		if _, err := file.ReadAt(block, at); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		id := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%08d", len(list.Latest))) // all IDs must have the same length
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

// blockList lists the blocks of a blob.
type blockList struct {
	XMLName xml.Name `xml:"BlockList"`
	Latest  []string
}

func (c *Client) put(ctx context.Context, signed, query, contentType string, body []byte) error {
	u, err := url.Parse(signed)
	if err != nil {
		return errors.New("the service returned an invalid upload URL") // the cause would quote it
	}
	if u.RawQuery != "" { // keep what was signed
		query = u.RawQuery + "&" + query
	}
	u.RawQuery = query
	header := map[string]string{"Content-Type": contentType, "x-ms-blob-type": "BlockBlob", "x-ms-blob-content-type": "application/zip"}
	return c.do(ctx, request{method: http.MethodPut, url: u.String(), header: header, body: body, timeout: transferTime},
		func(resp *http.Response) error {
			_, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxResponse))
			return err
		})
}

// fetch downloads from a signed URL into a file, replaces its content, and returns the
// SHA-256 and the size. More than most bytes are ErrBroken.
func (c *Client) fetch(ctx context.Context, signed string, file *os.File, most int64) (sum string, size int64, err error) {
	r := request{method: http.MethodGet, url: signed, header: map[string]string{"Accept-Encoding": "identity"}, timeout: transferTime}
	err = c.do(ctx, r, func(resp *http.Response) error {
		if err := errors.Join(file.Truncate(0), rewind(file)); err != nil {
			return final{err}
		}
		hash := sha256.New()
		n, err := io.Copy(io.MultiWriter(file, hash), io.LimitReader(resp.Body, most+1))
		switch {
		case errors.As(err, new(*os.PathError)): // an error of the disk
			return final{err}
		case err != nil:
			return err
		case n > most:
			return final{fmt.Errorf("%w: more than %d bytes", ErrBroken, most)}
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

// spool returns a temporary file, and a function that removes it.
func spool() (file *os.File, remove func(), err error) {
	file, err = os.CreateTemp("", "regreen-*.zip")
	if err != nil {
		return nil, nil, err
	}
	return file, func() { _ = file.Close(); _ = os.Remove(file.Name()) }, nil
}

// digest returns the SHA-256 and the size of a file.
func digest(file io.ReadSeeker) (sum string, size int64, err error) {
	hash := sha256.New()
	if err := rewind(file); err != nil {
		return "", 0, err
	}
	size, err = io.Copy(hash, file)
	return hex.EncodeToString(hash.Sum(nil)), size, err
}
