package observe

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strings"
)

type requestIDKey struct{}

// RequestID is the ID of the operation that ctx belongs to: 32 hex digits, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// WithRequestID returns a context whose operations all have the ID. The ID goes
// into statements as a comment: it is one that [TraceID] returned, or made here.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

var traceparent = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$`)

// TraceID is the trace ID in a W3C traceparent header, 32 hex digits, or "" if
// the header is not valid.
func TraceID(header string) string {
	m := traceparent.FindStringSubmatch(header)
	if m == nil {
		return ""
	}
	version, trace, parent, more := m[1], m[2], m[3], m[4]
	switch {
	case version == "ff", version == "00" && more != "":
		return ""
	case strings.Trim(trace, "0") == "", strings.Trim(parent, "0") == "":
		return ""
	}
	return trace
}

func newRequestID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
