package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/llm"
)

// A model is an OpenAI-compatible server that says what the scenario wants.
type model struct {
	mu       sync.Mutex
	replies  map[string][]string                   // by stage
	answers  map[string]map[string]json.RawMessage // by question and stage; before replies
	requests []modelRequest
	fault    func(http.ResponseWriter) bool // reports whether it has answered
	delay    time.Duration

	golden llm.Provider // what answers in place of replies; or nil
	dir    string       // its folder
	title  string       // of requests to it
	used   []string     // paths of its answers
	misses []string     // what golden said where it gave no answer
}

// favourable is what the model says in the stage judge where that is not the point.
const favourable = `{
	"reads_as": "The same question?",
	"intent_matches": "yes", "columns_answer_question": "yes", "filters_complete": "yes", "filters_correct": "yes",
	"joins_correct": "yes", "aggregation_grain": "yes", "time_window": "yes",
	"ambiguity": "none", "other_reading": "", "verdict": "yes"
}`

// A modelRequest is what replay reads of a request for a chat completion.
type modelRequest struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	} `json:"messages"`
	ResponseFormat struct {
		JSONSchema struct {
			Name   string          `json:"name"`
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
	authorization string
}

// stage is the pipeline's stage, by which the schema of the reply is named.
func (r modelRequest) stage() string { return r.ResponseFormat.JSONSchema.Name }

func (s *scenario) modelStart(in invocation) error {
	if s.model != nil {
		return errors.New("the model runs already")
	}
	s.model = &model{replies: map[string][]string{"judge": {favourable}}}
	if err := s.load(in.args); err != nil {
		return err
	}
	return s.serveModel()
}

// modelGolden serves golden answers or, where they are to be recorded, the
// configured model.
func (s *scenario) modelGolden(in invocation) error {
	if len(in.args) != 1 {
		return errUsage
	}
	if s.model != nil {
		return errors.New("the model runs already")
	}
	dir := filepath.Join(s.options.Golden, filepath.FromSlash(in.args[0]))
	m := &model{title: s.name, dir: dir}
	var err error
	if s.options.Record == nil {
		m.golden, err = llm.OpenReplay(dir, nil)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("there are no golden answers in %s; --record asks the model for them", dir)
		}
	} else if m.golden, err = llm.New(s.options.Record, call.New(), nil); err == nil {
		m.golden, err = llm.NewRecord(m.golden, s.options.Record, dir)
	}
	if err != nil {
		return err
	}
	s.model = m
	s.ts.Defer(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, miss := range m.misses {
			s.ts.Logf("[model] %s", miss)
		}
		for _, path := range m.used {
			s.goldens[path] = true
		}
	})
	return s.serveModel()
}

// serveModel serves the scenario's model until its end.
func (s *scenario) serveModel() error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s.model}
	go server.Serve(ln) // until it is closed
	s.ts.Defer(func() { server.Close() })
	s.setenv("MODEL_URL", "http://"+ln.Addr().String()+"/v1")
	return nil
}

func (s *scenario) modelReplies(in invocation) error {
	if s.model == nil {
		return errNoModel
	}
	if s.model.golden != nil {
		return errors.New("the model says what is golden; model start starts one that says what files of the scenario hold")
	}
	if len(in.args) == 0 {
		return errUsage
	}
	return s.load(in.args)
}

var errNoModel = errors.New("there is no model; model start starts one")

// load replaces the replies of the stages that the files are named for.
func (s *scenario) load(files []string) error {
	replies := map[string][]string{}
	var answers map[string]map[string]json.RawMessage
	for _, name := range files {
		text, err := s.read(name)
		if err != nil {
			return err
		}
		if filepath.Base(name) == "questions.json" {
			if err := json.Unmarshal(text, &answers); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		stage := filepath.Base(name)
		if i := strings.IndexAny(stage, "-."); i >= 0 {
			stage = stage[:i]
		}
		replies[stage] = append(replies[stage], strings.TrimSpace(string(text)))
	}
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	for stage, r := range replies {
		s.model.replies[stage] = r
	}
	if answers != nil {
		s.model.answers = answers
	}
	return nil
}

func (s *scenario) modelFault(in invocation) error {
	if s.model == nil {
		return errNoModel
	}
	if len(in.args) == 0 {
		return errUsage
	}
	var fault func(http.ResponseWriter) bool
	var delay time.Duration
	switch kind, rest := in.args[0], in.args[1:]; {
	case kind == "none" && len(rest) == 0:
	case kind == "garbage" && len(rest) == 0:
		fault = func(w http.ResponseWriter) bool { io.WriteString(w, "<html>not a model</html>"); return true }
	case kind == "cut" && len(rest) == 0:
		fault = func(w http.ResponseWriter) bool {
			io.WriteString(w, `{"choices":[{"mess`)
			panic(http.ErrAbortHandler)
		}
	case kind == "endless" && len(rest) == 0:
		fault = func(w http.ResponseWriter) bool {
			_, err := io.WriteString(w, `{"choices":[{"message":{"content":"`)
			for err == nil { // until the client has had enough
				_, err = io.WriteString(w, strings.Repeat("and ", 1<<10))
			}
			return true
		}
	case kind == "delay" && len(rest) == 1:
		var err error
		if delay, err = time.ParseDuration(rest[0]); err != nil {
			return err
		}
	case kind == "status" && (len(rest) == 1 || len(rest) == 2):
		code, err := strconv.Atoi(rest[0])
		if err != nil {
			return errUsage
		}
		fault = func(w http.ResponseWriter) bool {
			if len(rest) == 2 {
				w.Header().Set("Retry-After", rest[1])
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			io.WriteString(w, `{"error":{"message":"the scenario wants it so"}}`)
			return true
		}
	default:
		return errUsage
	}
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	s.model.fault, s.model.delay = fault, delay
	return nil
}

func (s *scenario) modelRequests(in invocation) error {
	if s.model == nil {
		return errNoModel
	}
	if len(in.args) != 0 {
		return errUsage
	}
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	for i, r := range s.model.requests {
		fmt.Fprintf(in.stdout, "request %d: stage %s, model %s, authorization %q\n", i+1, r.stage(), r.Model, r.authorization)
		for _, m := range r.Messages {
			fmt.Fprintf(in.stdout, "%s:\n%s\n", m.Role, m.Content)
		}
	}
	return nil
}

// ServeHTTP answers a request for a chat completion or for the list of models.
func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "POST /v1/chat/completions":
		m.complete(w, r)
	case "GET /v1/models":
		if !m.faulty(w, r) {
			fmt.Fprintln(w, `{"object": "list", "data": []}`)
		}
	default:
		http.NotFound(w, r)
	}
}

func (m *model) complete(w http.ResponseWriter, r *http.Request) {
	req := modelRequest{authorization: r.Header.Get("Authorization")}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	m.requests = append(m.requests, req)
	m.mu.Unlock()
	if m.faulty(w, r) {
		return
	}
	if m.golden != nil {
		m.recite(w, r.Context(), req)
		return
	}
	content, ok := m.next(req)
	if !ok {
		http.Error(w, fmt.Sprintf(`{"error":{"message":"the scenario has no reply for stage '%s'"}}`, req.stage()), http.StatusBadRequest)
		return
	}
	writeCompletion(w, req, map[string]any{"role": "assistant", "content": content}, "stop", llm.Usage{Prompt: 100, Completion: 20})
}

// recite answers as golden does.
func (m *model) recite(w http.ResponseWriter, ctx context.Context, req modelRequest) {
	r := llm.Request{Stage: req.stage(), Model: req.Model, Schema: req.ResponseFormat.JSONSchema.Schema, Title: m.title}
	for _, message := range req.Messages {
		r.Messages = append(r.Messages, llm.Message{Role: message.Role, Content: message.Content})
	}
	said, err := m.golden.Complete(ctx, r)
	if path, ok := llm.File(m.dir, r); ok {
		m.mu.Lock()
		m.used = append(m.used, path)
		m.mu.Unlock()
	}
	e, _ := errors.AsType[*llm.Error](err)
	switch {
	case err == nil:
		writeCompletion(w, req, map[string]any{"role": "assistant", "content": said.Content}, "stop", said.Usage)
	case e != nil && e.Code == llm.Refused:
		writeCompletion(w, req, map[string]any{"role": "assistant", "refusal": e.Message}, "stop", llm.Usage{})
	case e != nil && e.Code == llm.CutOff:
		writeCompletion(w, req, map[string]any{"role": "assistant", "content": ""}, "length", llm.Usage{})
	default:
		m.mu.Lock()
		m.misses = append(m.misses, err.Error())
		m.mu.Unlock()
		body, _ := json.Marshal(map[string]any{"error": map[string]any{"message": err.Error()}}) // a string cannot fail
		http.Error(w, string(body), http.StatusBadRequest)
	}
}

// writeCompletion writes a chat completion.
func writeCompletion(w http.ResponseWriter, req modelRequest, message map[string]any, finish string, u llm.Usage) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{
		"object":  "chat.completion",
		"model":   req.Model,
		"choices": []any{map[string]any{"index": 0, "finish_reason": finish, "message": message}},
		"usage":   map[string]any{"prompt_tokens": u.Prompt, "completion_tokens": u.Completion, "total_tokens": u.Prompt + u.Completion},
	})
}

// faulty waits as the fault of the hour wants, and reports whether it has answered.
func (m *model) faulty(w http.ResponseWriter, r *http.Request) bool {
	m.mu.Lock()
	fault, delay := m.fault, m.delay
	m.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return true
		}
	}
	return fault != nil && fault(w)
}

// next is the reply to the question that the request ends with, or else the one
// whose turn it is in its stage.
func (m *model) next(r modelRequest) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if content, ok := m.answers[r.question()][r.stage()]; ok {
		return string(content), true
	}
	replies := m.replies[r.stage()]
	if len(replies) == 0 {
		return "", false
	}
	if len(replies) > 1 {
		m.replies[r.stage()] = replies[1:]
	}
	return replies[0], true
}

// question is the last line of the request that is a JSON string, which is how
// prompts give questions.
func (r modelRequest) question() string {
	var question string
	for _, m := range r.Messages {
		for line := range strings.Lines(m.Content) {
			var text string
			if json.Unmarshal([]byte(line), &text) == nil {
				question = text
			}
		}
	}
	return question
}
