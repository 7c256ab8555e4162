package replay

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
)

// A tap keeps the bytes that passed. The SDK's client decodes numbers into
// floats; what the server really wrote is only on the wire.
type tap struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tap) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.Write(p)
}

func (t *tap) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Reset()
}

func (t *tap) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.buf.Bytes())
}

// A message is what replay reads of one that passed.
type message struct {
	Method string `json:"method"`
	Params struct {
		Message string `json:"message"`
	} `json:"params"`
	Result struct {
		Structured json.RawMessage `json:"structuredContent"`
	} `json:"result"`
}

// messages are those that passed since the reset.
func (t *tap) messages() []message {
	var all []message
	for line := range bytes.Lines(t.bytes()) {
		var m message
		line = bytes.TrimPrefix(line, []byte("data: ")) // server-sent events
		if json.Unmarshal(line, &m) == nil {
			all = append(all, m)
		}
	}
	return all
}

// structured is the structured content of the newest result that passed, or nil.
func (t *tap) structured() json.RawMessage {
	for _, m := range slices.Backward(t.messages()) {
		if m.Result.Structured != nil {
			return m.Result.Structured
		}
	}
	return nil
}

// progress are the notes of progress that passed.
func (t *tap) progress() []string {
	var notes []string
	for _, m := range t.messages() {
		if m.Method == "notifications/progress" {
			notes = append(notes, m.Params.Message)
		}
	}
	return notes
}

// tapped is an http.RoundTripper that adds a header to requests and taps the
// bodies of responses.
type tapped struct {
	next   http.RoundTripper
	wire   *tap
	header http.Header
}

func (t tapped) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context()) // which is not ours to change
	for name, values := range t.header {
		r.Header[name] = values
	}
	res, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(res.Body, t.wire), res.Body}
	return res, nil
}
