package llm

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/rogpeppe/go-internal/txtar"
)

// Handwritten is the origin of a golden answer that no model gave.
const Handwritten = "handwritten"

// A golden is one request, and what a model answered to it:
//
//	key: 4953705000effc03        the first 16 hex digits of the request's SHA-256
//	stage: generate
//	sample: 1                    only of a request that the same question has made before
//	model: gpt-4o-2024-08-06
//	origin: recorded 2025-01-10  or handwritten
//	reply: 8c1f0d6e2b7a9534      only of a recorded answer: its SHA-256, as of the key
//	fits: no                     only of an answer that does not fit the request's schema
//	-- request.json --           the request, its only place
//	-- message-1-system.txt --   a view of it for reviewers, each line after "| "
//	-- response.json --          the answer, its content as JSON where it is JSON
//
// In place of response.json stands error.json where the model declined to answer
// or was cut off. Views are prefixed because a line of SQL such as "-- orders --"
// would otherwise begin a new file.
type golden struct {
	request  Request
	response Response
	failure  *Error // in place of a response
	origin   string
}

// Write keeps a golden answer in dir, which is made if need be, as
// STAGE-TITLE-KEY.txtar, and returns its path. An answer to the same request is
// replaced. Secrets are redacted first. Origin is [Handwritten] or
// "recorded DATE".
func Write(dir string, r Request, s Response, origin string) (string, error) {
	return newGolden(r, s, nil, origin).write(dir)
}

// newGolden is a golden answer without secrets: e, unless it is nil, in place of s.
func newGolden(r Request, s Response, e *Error, origin string) golden {
	g := golden{request: r.redacted(), response: s.redacted(), origin: origin}
	if e != nil {
		g.failure = &Error{Code: e.Code, Message: redact(e.Message)}
	}
	return g
}

func (g golden) write(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("write golden answer: %w", err)
	}
	path, ok := find(dir, g.request.key())
	if !ok {
		path = filepath.Join(dir, g.request.file())
	}
	if err := os.WriteFile(path, txtar.Format(g.archive()), 0o644); err != nil {
		return "", fmt.Errorf("write golden answer: %w", err)
	}
	return path, nil
}

// File is the path of the golden answer to r in dir, and whether there is one.
func File(dir string, r Request) (path string, ok bool) {
	return find(dir, r.redacted().key())
}

func find(dir, key string) (path string, ok bool) {
	found, _ := filepath.Glob(filepath.Join(dir, "*-"+key+".txtar"))
	if len(found) != 1 {
		return "", false
	}
	return found[0], true
}

func (g golden) archive() *txtar.Archive {
	a := &txtar.Archive{Comment: g.header()}
	add := func(name string, data []byte) {
		a.Files = append(a.Files, txtar.File{Name: name, Data: data})
	}
	add("request.json", g.request.canonical())
	a.Files = append(a.Files, g.request.views()...)
	add(g.reply())
	return a
}

func (g golden) header() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "key: %s\nstage: %s\n", g.request.key(), g.request.Stage)
	if g.request.Sample > 0 {
		fmt.Fprintf(&b, "sample: %d\n", g.request.Sample)
	}
	fmt.Fprintf(&b, "model: %s\norigin: %s\n", g.request.Model, g.origin)
	if g.origin != Handwritten {
		_, reply := g.reply()
		fmt.Fprintf(&b, "reply: %s\n", digest(reply))
	}
	if !g.fits() {
		b.WriteString("fits: no\n")
	}
	return b.Bytes()
}

// reply is the file that holds the answer, or why there is none.
func (g golden) reply() (name string, data []byte) {
	if g.failure != nil {
		return "error.json", encode(g.failure)
	}
	return "response.json", g.response.encode()
}

// fits reports whether the answer is one that the request's schema allows.
func (g golden) fits() bool {
	if g.failure != nil {
		return true
	}
	var s jsonschema.Schema
	var content any
	if json.Unmarshal(g.request.Schema, &s) != nil || json.Unmarshal([]byte(g.response.Content), &content) != nil {
		return false
	}
	resolved, err := s.Resolve(nil)
	return err == nil && resolved.Validate(content) == nil
}

// read reads the golden answer at path. An error means that it cannot be read,
// or is not as Write left it.
func read(path string) (golden, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return golden{}, err
	}
	a := txtar.Parse(b)
	files := map[string][]byte{}
	for _, f := range a.Files {
		files[f.Name] = f.Data
	}
	var g golden
	if err := decode(files["request.json"], &g.request); err != nil {
		return g, fmt.Errorf("read request.json: %w", err)
	}
	if failure, ok := files["error.json"]; ok {
		if err := decode(failure, &g.failure); err != nil {
			return g, fmt.Errorf("read error.json: %w", err)
		}
	} else if g.response, err = decodeResponse(files["response.json"]); err != nil {
		return g, fmt.Errorf("read response.json: %w", err)
	}
	header := map[string]string{}
	for line := range strings.Lines(string(a.Comment)) {
		name, value, _ := strings.Cut(line, ":")
		header[name] = strings.TrimSpace(value)
	}
	g.origin = header["origin"]
	return g, g.verify(filepath.Base(path), header, files)
}

// verify says how a golden answer differs from what Write made of it: its
// request or a view was edited by hand, or a recorded answer, or a secret put in.
func (g golden) verify(name string, header map[string]string, files map[string][]byte) error {
	sum := g.request.key()
	switch {
	case !bytes.Equal(files["request.json"], g.request.canonical()), header["key"] != sum, !strings.HasSuffix(name, "-"+sum+".txtar"):
		return fmt.Errorf("the request was edited: its key is %s now; ask anew, or write it anew", sum)
	case !strings.HasPrefix(name, g.request.Stage+"-"):
		return fmt.Errorf("the name does not begin with its stage %q", g.request.Stage)
	case !origins.MatchString(g.origin):
		return fmt.Errorf("the origin is %q: want %q or \"recorded YYYY-MM-DD\"", g.origin, Handwritten)
	}
	views := g.request.views()
	if len(files) != len(views)+2 { // the request and the reply
		return errors.New("there are files missing, or files too many")
	}
	for _, f := range views {
		if !bytes.Equal(files[f.Name], f.Data) {
			return fmt.Errorf("%s differs from request.json: edit neither, write the answer anew", f.Name)
		}
	}
	replyName, _ := g.reply()
	raw := files[replyName]
	switch fits := g.fits(); {
	case redact(string(raw)) != string(raw):
		return fmt.Errorf("%s holds what looks like a secret", replyName)
	case g.origin != Handwritten && header["reply"] != digest(raw):
		return fmt.Errorf("%s was edited, so no model said it: record it anew, or make its origin %q", replyName, Handwritten)
	case fits && header["fits"] != "":
		return errors.New("response.json fits the request's schema, and the header says otherwise")
	case !fits && header["fits"] != "no":
		return errors.New("response.json does not fit the request's schema: mend it, or say \"fits: no\" in the header if that is the point")
	}
	return nil
}

var origins = regexp.MustCompile(`^(handwritten|recorded \d{4}-\d{2}-\d{2})$`)

// canonical is the one text of r that its key is made from.
func (r Request) canonical() []byte { return encode(r) }

// key identifies r.
func (r Request) key() string { return digest(r.canonical()) }

// digest is the first 16 hex digits of a text's SHA-256.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// file is the name of r's golden answer.
func (r Request) file() string {
	words := strings.FieldsFunc(strings.ToLower(r.Title), func(c rune) bool {
		return c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c)
	})
	parts := []string{r.Stage}
	for length := 0; len(words) > 0 && length+len(words[0]) <= 40; words = words[1:] {
		length += len(words[0]) + 1
		parts = append(parts, words[0])
	}
	return strings.Join(append(parts, r.key()), "-") + ".txtar"
}

// text is r as lines, for differences between requests.
func (r Request) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "model: %s\n", r.Model)
	for _, m := range r.Messages {
		fmt.Fprintf(&b, "%s:\n%s", m.Role, m.view())
	}
	fmt.Fprintf(&b, "schema:\n%s", encode(r.Schema))
	return b.Bytes()
}

// views are files for reviewers, one a message.
func (r Request) views() []txtar.File {
	var views []txtar.File
	for i, m := range r.Messages {
		views = append(views, txtar.File{Name: fmt.Sprintf("message-%d-%s.txt", i+1, m.Role), Data: []byte(m.view())})
	}
	return views
}

func (m Message) view() string {
	return "| " + strings.ReplaceAll(m.Content, "\n", "\n| ") + "\n"
}

func (r Request) redacted() Request {
	messages := make([]Message, len(r.Messages))
	for i, m := range r.Messages {
		messages[i] = Message{m.Role, redact(strings.ToValidUTF8(m.Content, "\uFFFD"))}
	}
	r.Messages, r.Title = messages, redact(r.Title) // the title goes into the name
	return r
}

func (s Response) redacted() Response {
	s.Content = redact(strings.ToValidUTF8(s.Content, "\uFFFD"))
	return s
}

// response is a Response as it is kept: content that is JSON stands there as
// such, so that a reviewer can read it.
type response struct {
	Content json.RawMessage `json:"content"`
	Usage   Usage           `json:"usage"`
}

func (s Response) encode() []byte {
	content := json.RawMessage(s.Content)
	if !structured(content) {
		content = encode(s.Content)
	}
	return encode(response{content, s.Usage})
}

func decodeResponse(b []byte) (Response, error) {
	var kept response
	if err := decode(b, &kept); err != nil {
		return Response{}, err
	}
	s := Response{Usage: kept.Usage}
	if !structured(kept.Content) {
		err := decode(kept.Content, &s.Content)
		return s, err
	}
	var compact bytes.Buffer
	err := json.Compact(&compact, kept.Content)
	s.Content = compact.String()
	return s, err
}

// structured reports whether b is a JSON object or array.
func structured(b []byte) bool {
	b = bytes.TrimSpace(b)
	return len(b) > 0 && (b[0] == '{' || b[0] == '[') && json.Valid(b)
}

// encode is v as indented JSON that leaves <, > and & readable.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		// Only a Schema that is no JSON fails: a constant of the program.
		panic(fmt.Sprintf("llm: encode: %v", err))
	}
	return b.Bytes()
}

// decode reads one JSON value into v, and refuses fields that v does not have.
func decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text after the JSON value")
	}
	return nil
}

const redacted = "[REDACTED]"

// secret finds keys by how their makers write them, tokens, the passwords of URLs
// and settings, and private keys.
var secret = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(sk-[a-z0-9_-]{8,}|bearer\s+[a-z0-9._~+/-]{8,}|gh[pousr]_[a-z0-9]{20,}|github_pat_[a-z0-9_]{20,}|xox[a-z]-[a-z0-9-]{10,}|` +
		`(AKIA|ASIA)[A-Z0-9]{16}|AIza[a-z0-9_-]{30,}|eyJ[a-z0-9_-]{10,}\.[a-z0-9_-]{10,}\.[a-z0-9_-]*|` +
		`postgres(ql)?://[^\s"'\\]+|(password|passwd|pwd|api_?key)=[^\s"'\\&]+)|-----BEGIN [A-Z ]*PRIVATE KEY-----`)
})

// redact replaces what looks like a key, a token or a database's URL.
func redact(s string) string { return secret().ReplaceAllString(s, redacted) }
