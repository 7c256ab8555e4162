package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// A Line is what the record holds of one operation. The log fills in Seq, Prev,
// Time and Lost.
type Line struct {
	Seq  int64     `json:"seq"`  // counts lines from 1, across files
	Prev string    `json:"prev"` // the hash of the line before
	Time time.Time `json:"time"` // when it was written
	Kind string    `json:"kind"` // an operation's, or "audit" for what the log says of itself
	Name string    `json:"name"`

	RequestID string  `json:"request_id,omitempty"`
	Principal string  `json:"principal,omitempty"`
	Outcome   string  `json:"outcome,omitempty"`
	Code      string  `json:"code,omitempty"` // why it was refused or failed
	Duration  float64 `json:"duration_ms,omitempty"`

	Database    string   `json:"database,omitempty"`
	Fingerprint string   `json:"fingerprint,omitempty"` // of the statement without its literals
	Planned     bool     `json:"planned,omitempty"`     // and not run
	SQL         string   `json:"sql,omitempty"`
	Question    string   `json:"question,omitempty"`
	Tables      []string `json:"tables,omitempty"`
	Columns     []string `json:"columns,omitempty"`
	Rows        int      `json:"rows"` // given out
	Status      string   `json:"status,omitempty"`
	Source      string   `json:"source,omitempty"`
	Confidence  *float64 `json:"confidence,omitempty"`
	TokensIn    int      `json:"tokens_in,omitempty"`
	TokensOut   int      `json:"tokens_out,omitempty"`

	Settings []string `json:"settings,omitempty"` // that a reload changed
	Files    []string `json:"files,omitempty"`    // in which the reload found a change
	Lost     int64    `json:"lost,omitempty"`     // operations before it of which no line could be written
}

// origin is what the first line of all holds as the hash of the one before.
var origin = strings.Repeat("0", 2*sha256.Size)

// encode is the line as it is written, with its end.
func (l Line) encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(l)
	return b.Bytes(), err
}

// hash is the SHA-256 of a line without its end, in hex.
func hash(line []byte) string {
	sum := sha256.Sum256(bytes.TrimSuffix(line, []byte("\n")))
	return hex.EncodeToString(sum[:])
}
