package observe

import (
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

// resourceOf says who measures. It takes nothing from the environment.
func resourceOf(version string) *resource.Resource {
	return resource.NewWithAttributes(semconv.SchemaURL, semconv.ServiceName("pgmcp"), semconv.ServiceVersion(version))
}
