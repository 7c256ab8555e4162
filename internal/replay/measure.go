package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// metric prints the value of a metric.
func (s *scenario) metric(in invocation) error {
	if len(in.args) != 2 {
		return errUsage
	}
	name, labels, err := parseSeries(in.args[1])
	if err != nil {
		return err
	}
	text, err := s.exposition(in, in.args[0])
	if err != nil {
		return err
	}
	sum, found := 0.0, false
	var others []string
	for line := range strings.Lines(text) {
		series, value, ok := cutValue(strings.TrimSpace(line))
		if !ok {
			continue
		}
		got, has, err := parseSeries(series)
		if err != nil || got != name {
			continue
		}
		others = append(others, series)
		if subset(labels, has) {
			sum, found = sum+value, true
		}
	}
	switch {
	case found && in.not:
		return fmt.Errorf("%s is %g", in.args[1], sum)
	case !found && in.not:
		return nil
	case !found && others != nil:
		return fmt.Errorf("no series is %s, but\n%s", in.args[1], strings.Join(others, "\n"))
	case !found:
		return fmt.Errorf("there is no metric %s", name)
	}
	fmt.Fprintln(in.stdout, strconv.FormatFloat(sum, 'f', -1, 64))
	return nil
}

// exposition is the text of metrics in a file, or of a server whose address a file
// holds: its /metrics.
func (s *scenario) exposition(in invocation, arg string) (string, error) {
	if !strings.HasPrefix(arg, "@") {
		text, err := s.read(arg)
		return string(text), err
	}
	endpoint, err := s.endpoint(arg)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(in.ctx, http.MethodGet, strings.TrimSuffix(endpoint, "/mcp")+"/metrics", nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GET %s: %s", req.URL, res.Status)
	}
	return string(text), err
}

// cutValue cuts a line of metrics into the series and its value.
func cutValue(line string) (series string, value float64, ok bool) {
	i := strings.LastIndexByte(line, ' ')
	if i < 0 || strings.HasPrefix(line, "#") {
		return "", 0, false
	}
	value, err := strconv.ParseFloat(line[i+1:], 64)
	return line[:i], value, err == nil
}

var label = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)`)

// parseSeries reads NAME or NAME{LABEL="VALUE",…}.
func parseSeries(s string) (name string, labels map[string]string, err error) {
	name, rest, more := strings.Cut(s, "{")
	if !more {
		return name, nil, nil
	}
	rest, ok := strings.CutSuffix(rest, "}")
	labels = map[string]string{}
	for ok && rest != "" {
		m := label.FindStringSubmatch(rest)
		if ok = m != nil; ok {
			labels[m[1]] = m[2]
			rest = rest[len(m[0]):]
		}
	}
	if !ok {
		return "", nil, fmt.Errorf(`%s is not of the form NAME{LABEL="VALUE",...}`, s)
	}
	return name, labels, nil
}

func subset(part, all map[string]string) bool {
	for name, value := range part {
		if all[name] != value {
			return false
		}
	}
	return true
}

// records prints the JSON lines of a file that have these values.
func (s *scenario) records(in invocation) error {
	if len(in.args) < 2 {
		return errUsage
	}
	text, err := s.read(in.args[0])
	if err != nil {
		return err
	}
	var found bytes.Buffer
	n := 0
	for line := range bytes.Lines(text) {
		if !json.Valid(line) {
			continue // such as the half of a line that is being written
		}
		n++
		all := true
		for _, condition := range in.args[1:] {
			path, want, ok := strings.Cut(condition, "=")
			if !ok {
				return errUsage
			}
			value, err := lookup(line, path)
			if err != nil && !errors.Is(err, errNoValue) {
				return err
			}
			all = all && err == nil && plain(value) == want
		}
		if all {
			found.Write(line)
		}
	}
	switch {
	case found.Len() > 0 && in.not:
		return fmt.Errorf("there is such a line:\n%s", found.Bytes())
	case found.Len() == 0 && !in.not:
		return fmt.Errorf("none of the %d lines of JSON in %s has %s:\n%s", n, in.args[0], strings.Join(in.args[1:], " and "), text)
	}
	_, err = in.stdout.Write(found.Bytes())
	return err
}

// plain is a JSON value as people write it: a string without its quotes.
func plain(value json.RawMessage) string {
	var str string
	if json.Unmarshal(value, &str) == nil && value[0] == '"' {
		return str
	}
	return string(value)
}
