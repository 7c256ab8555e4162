package observe

import (
	"crypto/rand"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"

	"github.com/pgmcp/pgmcp/internal/call"
)

// What OpenTelemetry's conventions call things, and what they have no name for.
const (
	toolKey      = semconv.GenAIToolNameKey
	modelKey     = semconv.GenAIRequestModelKey
	tokenTypeKey = semconv.GenAITokenTypeKey
	namespaceKey = semconv.DBNamespaceKey
	errorTypeKey = semconv.ErrorTypeKey
	outcomeKey   = attribute.Key("pgmcp.outcome")
	sourceKey    = attribute.Key("pgmcp.answer.source")
	statusKey    = attribute.Key("pgmcp.answer.status")
)

var systemPostgreSQL = semconv.DBSystemNamePostgreSQL

// nameKeys say which attribute the name of an operation is.
var nameKeys = map[call.Kind]attribute.Key{
	call.Tool:      toolKey,
	call.Statement: namespaceKey,
	call.Model:     modelKey,
	call.Answer:    sourceKey,
}

// nameAttributes say what an operation is.
func nameAttributes(kind call.Kind, name string) []attribute.KeyValue {
	switch kind {
	case call.Tool:
		return []attribute.KeyValue{semconv.McpMethodNameToolsCall, toolKey.String(name)}
	case call.Statement:
		return []attribute.KeyValue{systemPostgreSQL, namespaceKey.String(name)}
	case call.Model:
		return modelAttributes(name)
	}
	return []attribute.KeyValue{nameKeys[kind].String(name)}
}

func modelAttributes(name string) []attribute.KeyValue {
	return []attribute.KeyValue{semconv.GenAIOperationNameChat, semconv.GenAIProviderNameOpenAI, modelKey.String(name)}
}

// Resource says who measures: a process of this version, which nobody else has the
// ID of unless whoever runs it gave it one. All that it measures is to have the same.
func Resource(version string) *resource.Resource {
	all := []attribute.KeyValue{semconv.ServiceName("pgmcp"), semconv.ServiceVersion(version)}
	if !resource.Environment().Set().HasValue(semconv.ServiceInstanceIDKey) {
		all = append(all, semconv.ServiceInstanceID(newUUID()))
	}
	return resource.NewWithAttributes(semconv.SchemaURL, all...)
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:])                             // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // version 4: random
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
