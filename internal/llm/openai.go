package llm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sashabaranov/go-openai"

	"github.com/pgmcp/pgmcp/internal/config"
)

// An OpenAI asks a server that speaks OpenAI's chat completions.
type OpenAI struct {
	client  *openai.Client
	host    string // for errors
	key     string // to keep out of errors
	timeout time.Duration
}

// openServers returns clients for c's server and for the judge's own, which is nil
// where there is none. It reads the keys, whose errors come together, and connects to
// nothing.
func openServers(c *config.LLM) (writer, judge *OpenAI, err error) {
	writer, err = newOpenAI(c, "llm")
	if c.Judge == nil {
		return writer, nil, err
	}
	own := *c
	own.BaseURL, own.APIKey = c.Judge.BaseURL, c.Judge.APIKey
	judge, err2 := newOpenAI(&own, "llm.judge")
	return writer, judge, errors.Join(err, err2)
}

// newOpenAI returns a client for the server that c describes, by the setting of that name.
func newOpenAI(c *config.LLM, setting string) (*OpenAI, error) {
	base, err := url.Parse(c.BaseURL)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("parse %s.base_url: not a URL with a host", setting)
	}
	o := &OpenAI{host: base.Host, timeout: time.Duration(c.Timeout)}
	if c.APIKey != nil {
		if o.key, err = c.APIKey.Reveal(); err != nil {
			return nil, fmt.Errorf("read %s.api_key: %w", setting, err)
		}
	}
	settings := openai.DefaultConfig(o.key)
	settings.BaseURL = c.BaseURL
	settings.HTTPClient = newDoer()
	o.client = openai.NewClientWithConfig(settings)
	return o, nil
}

// Complete asks once. Nothing below retries what was sent: neither the library nor
// net/http, which only takes another connection if one was closed before it.
func (o *OpenAI) Complete(ctx context.Context, r Request) (Response, error) {
	limited, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	res, err := o.client.CreateChatCompletion(limited, wire(r))
	switch {
	case ctx.Err() != nil:
		return Response{}, ctx.Err()
	case limited.Err() != nil && err != nil:
		return Response{}, &Error{Code: TimedOut, Message: fmt.Sprintf("the model at %s did not answer within %s", o.host, o.timeout)}
	case err != nil:
		return Response{}, o.explain(err)
	}
	return completion(res)
}

// wire is r in the library's terms.
func wire(r Request) openai.ChatCompletionRequest {
	req := openai.ChatCompletionRequest{
		Model: r.Model,
		// The library leaves out 0, and the server's default is then far from 0.
		Temperature: math.SmallestNonzeroFloat32,
		ResponseFormat: &openai.ChatCompletionResponseFormat{
			Type:       openai.ChatCompletionResponseFormatTypeJSONSchema,
			JSONSchema: &openai.ChatCompletionResponseFormatJSONSchema{Name: r.Stage, Strict: true, Schema: r.Schema},
		},
	}
	for _, m := range r.Messages {
		req.Messages = append(req.Messages, openai.ChatCompletionMessage{Role: m.Role, Content: m.Content})
	}
	// Reasoning models take no temperature at all; the library knows which ones those are.
	if openai.NewReasoningValidator().Validate(req) != nil {
		req.Temperature = 0
	}
	return req
}

// completion is the content of res, if the model said all it had to say. What was
// used up it is in any case.
func completion(res openai.ChatCompletionResponse) (Response, error) {
	used := Response{Usage: Usage{Prompt: res.Usage.PromptTokens, Completion: res.Usage.CompletionTokens}}
	if d := res.Usage.PromptTokensDetails; d != nil {
		used.Usage.Cached = d.CachedTokens
	}
	if len(res.Choices) == 0 {
		return used, &Error{Code: Malformed, Message: "the model's server answered without a choice"}
	}
	choice := res.Choices[0]
	switch {
	case choice.Message.Refusal != "":
		return used, &Error{Code: Refused, Message: "the model declined to answer: " + brief(choice.Message.Refusal)}
	case choice.FinishReason == openai.FinishReasonContentFilter:
		return used, &Error{Code: Refused, Message: "the model's server filtered the answer out"}
	case choice.FinishReason == openai.FinishReasonLength:
		return used, &Error{Code: CutOff, Message: "the model's answer was cut off at its token limit"}
	case choice.Message.Content == "":
		return used, &Error{Code: Malformed, Message: "the model's answer is empty"}
	}
	used.Content = choice.Message.Content
	return used, nil
}

// explain turns what the library gave into an error that can be shown to anyone:
// short, and without the key, which some servers repeat.
func (o *OpenAI) explain(err error) error {
	if e, ok := errors.AsType[*StatusError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	rejected := func(status int, said string) error {
		message := fmt.Sprintf("the model's server at %s rejected the request with status %d", o.host, status)
		if said = brief(o.redact(said)); said != "" {
			message += ": " + said
		}
		return &Error{Code: Rejected, Message: message}
	}
	if e, ok := errors.AsType[*openai.APIError](err); ok {
		return rejected(e.HTTPStatusCode, e.Message)
	}
	if e, ok := errors.AsType[*openai.RequestError](err); ok {
		return rejected(e.HTTPStatusCode, "") // its body is no JSON: a proxy's page, most often
	}
	if e, ok := errors.AsType[*url.Error](err); ok { // its text would repeat the whole URL
		dial, ok := errors.AsType[*net.OpError](err)
		return &Error{Code: Unreachable, Message: fmt.Sprintf("cannot reach the model at %s: %s", o.host, brief(o.redact(e.Err.Error()))), unsent: ok && dial.Op == "dial"}
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &Error{Code: Malformed, Message: fmt.Sprintf("the model's server at %s answered with more than %d bytes", o.host, e.Limit)}
	}
	return &Error{Code: Malformed, Message: fmt.Sprintf("cannot read what the model's server at %s answered: %s", o.host, brief(o.redact(err.Error())))}
}

func (o *OpenAI) redact(s string) string {
	if o.key != "" {
		s = strings.ReplaceAll(s, o.key, redacted)
	}
	return redact(s)
}

// brief is s on one line of at most 300 characters.
func brief(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > 300 {
		r = append(r[:299], '…')
	}
	return string(r)
}

// maxReply and maxComplaint bound what is read of an answer, in bytes.
const (
	maxReply     = 4 << 20
	maxComplaint = 64 << 10
)

// doer sends requests. It exists because the library loses the header in which a
// busy server says how long to wait, and reads bodies without a bound.
type doer struct{ client *http.Client }

func newDoer() doer {
	return doer{&http.Client{
		Transport: http.DefaultTransport.(*http.Transport).Clone(),
		// Prompts go to the configured server and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (d doer) Do(r *http.Request) (*http.Response, error) {
	res, err := d.client.Do(r)
	if err != nil {
		return nil, err
	}
	code := res.StatusCode
	switch {
	case code == http.StatusTooManyRequests || code >= 500:
		res.Body.Close()
		return nil, &StatusError{code, retryAfter(res.Header)}
	case code >= 300 && code < 400:
		res.Body.Close()
		return nil, &Error{Code: Rejected, Message: fmt.Sprintf("the model's server at %s redirects elsewhere (status %d): set llm.base_url to where it really is", r.URL.Host, code)}
	case code >= 400:
		res.Body = http.MaxBytesReader(nil, res.Body, maxComplaint)
	default:
		res.Body = http.MaxBytesReader(nil, res.Body, maxReply)
	}
	return res, nil
}

// retryAfter is how long a server asks to wait, in either of the header's forms.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(value); err == nil {
		return max(time.Until(t), 0)
	}
	return 0
}
