package replay

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	pgquery "github.com/pganalyze/pg_query_go/v5"
	"github.com/rogpeppe/go-internal/diff"
)

// said is what a tool said, as far as expectations go.
type said struct {
	Code       string          `json:"code"`
	Message    string          `json:"message"`
	Status     string          `json:"status"`
	SQL        string          `json:"sql"`
	Rows       json.RawMessage `json:"rows"`
	Confidence *struct {
		Score   float64  `json:"score"`
		Reasons []string `json:"reasons"`
	} `json:"confidence"`
	Result *struct {
		Rows json.RawMessage `json:"rows"`
	} `json:"result"`
}

// lastSaid reads what the last command printed.
func (s *scenario) lastSaid() (said, error) {
	text, err := s.read("stdout")
	if err != nil {
		return said{}, err
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return said{}, errors.New("the last command printed nothing: expect looks at what mcp call or mcp wait printed")
	}
	var last said
	if err := json.Unmarshal(text, &last); err != nil {
		return said{}, fmt.Errorf("the last command printed no JSON object of a tool: %w", err)
	}
	return last, nil
}

// instead says what a tool said where that is not what was expected.
func (a said) instead() string {
	switch {
	case a.Code != "":
		return fmt.Sprintf("code %s: %s", a.Code, a.Message)
	case a.Status == "":
		return "a result without status and code"
	case a.Confidence != nil && len(a.Confidence.Reasons) > 0:
		return fmt.Sprintf("status %s, confidence %g: %s", a.Status, a.Confidence.Score, strings.Join(a.Confidence.Reasons, "; "))
	case a.Confidence != nil:
		return fmt.Sprintf("status %s, confidence %g", a.Status, a.Confidence.Score)
	}
	return strings.TrimSpace(fmt.Sprintf("status %s: %s", a.Status, a.Message))
}

func (s *scenario) expectStatus(in invocation) error {
	return s.expectWord(in, func(a said) string { return a.Status })
}

func (s *scenario) expectCode(in invocation) error {
	return s.expectWord(in, func(a said) string { return a.Code })
}

func (s *scenario) expectWord(in invocation, word func(said) string) error {
	if len(in.args) != 1 {
		return errUsage
	}
	last, err := s.lastSaid()
	if err != nil {
		return err
	}
	if word(last) != in.args[0] {
		return fmt.Errorf("got %s; want %s", last.instead(), in.args[0])
	}
	return nil
}

func (s *scenario) expectConfidence(in invocation) error {
	if len(in.args) != 2 {
		return errUsage
	}
	low, noLow := strconv.ParseFloat(in.args[0], 64)
	high, noHigh := strconv.ParseFloat(in.args[1], 64)
	if noLow != nil || noHigh != nil || low > high {
		return errUsage
	}
	last, err := s.lastSaid()
	if err != nil {
		return err
	}
	if last.Confidence == nil {
		return fmt.Errorf("got %s, and no confidence; want one from %g to %g", last.instead(), low, high)
	}
	if score := last.Confidence.Score; score < low || score > high {
		return fmt.Errorf("got %s; want a confidence from %g to %g", last.instead(), low, high)
	}
	return nil
}

func (s *scenario) expectSQL(in invocation) error {
	if len(in.args) != 1 {
		return errUsage
	}
	want, err := os.ReadFile(s.ts.MkAbs(in.args[0]))
	if err != nil {
		return err
	}
	last, err := s.lastSaid()
	if err != nil {
		return err
	}
	if last.SQL == "" {
		return fmt.Errorf("got %s, and no sql", last.instead())
	}
	wanted, err := parseTree(string(want))
	if err != nil {
		return fmt.Errorf("%s: %w", in.args[0], err)
	}
	got, err := parseTree(last.SQL)
	if err != nil {
		return fmt.Errorf("the sql of the answer: %w", err)
	}
	if !bytes.Equal(got, wanted) {
		return fmt.Errorf("the sql says something else than %s:\n%s", in.args[0], diff.Diff(in.args[0], want, "sql", []byte(strings.TrimSpace(last.SQL)+"\n")))
	}
	return nil
}

// parseTree is what PostgreSQL's parser makes of sql, without places in the text:
// it is the same for statements that differ in case, space and comments only.
func parseTree(sql string) ([]byte, error) {
	text, err := pgquery.ParseToJSON(sql)
	if err != nil {
		return nil, err
	}
	var tree any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	return json.Marshal(placeless(tree))
}

// placeless takes the places in the text out of a parse tree.
func placeless(node any) any {
	switch node := node.(type) {
	case map[string]any:
		for _, place := range []string{"location", "stmt_location", "stmt_len"} {
			delete(node, place)
		}
		for _, child := range node {
			placeless(child)
		}
	case []any:
		for _, child := range node {
			placeless(child)
		}
	}
	return node
}

func (s *scenario) expectRows(in invocation) error {
	args := in.args
	set := len(args) == 2 && args[0] == "-set"
	if set {
		args = args[1:]
	}
	if len(args) != 1 {
		return errUsage
	}
	text, err := os.ReadFile(s.ts.MkAbs(args[0]))
	if err != nil {
		return err
	}
	var want []json.RawMessage
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if line[0] != '[' || !json.Valid(line) {
			return fmt.Errorf("%s: not a row as a JSON array on one line: %s", args[0], line)
		}
		want = append(want, line)
	}
	last, err := s.lastSaid()
	if err != nil {
		return err
	}
	rows := last.Rows
	if last.Result != nil {
		rows = last.Result.Rows
	}
	if rows == nil {
		return fmt.Errorf("got %s, and no rows", last.instead())
	}
	var got []json.RawMessage
	if err := json.Unmarshal(rows, &got); err != nil {
		return fmt.Errorf("the rows of the last command: %w", err)
	}
	wanted, have := lines(want, set), lines(got, set)
	if bytes.Equal(wanted, have) {
		return nil
	}
	return fmt.Errorf("the rows differ:\n%s", diff.Diff(args[0], wanted, "rows", have))
}

// lines are rows, each as compact JSON on a line of its own, sorted if they are
// taken as a set.
func lines(rows []json.RawMessage, set bool) []byte {
	all := make([]string, len(rows))
	for i, row := range rows {
		var b bytes.Buffer
		json.Compact(&b, row) // they are valid
		all[i] = b.String() + "\n"
	}
	if set {
		slices.SortFunc(all, cmp.Compare)
	}
	return []byte(strings.Join(all, ""))
}
