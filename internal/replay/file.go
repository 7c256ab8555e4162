package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func (s *scenario) capture(in invocation) error {
	if len(in.args) != 2 {
		return errUsage
	}
	text, err := s.read(in.args[1])
	if err != nil {
		return err
	}
	s.setenv(in.args[0], strings.TrimSuffix(string(text), "\n"))
	return nil
}

var variable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

func (s *scenario) expand(in invocation) error {
	if len(in.args) == 0 {
		return errUsage
	}
	for _, name := range in.args {
		text, err := s.read(name)
		if err != nil {
			return err
		}
		var missing error
		text = variable.ReplaceAllFunc(text, func(m []byte) []byte {
			v := s.ts.Getenv(string(m[2 : len(m)-1]))
			if v == "" {
				missing = fmt.Errorf("expand %s: %s is not set", name, m)
			}
			return []byte(v)
		})
		if missing != nil {
			return missing
		}
		if err := os.WriteFile(s.ts.MkAbs(name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) json(in invocation) error {
	if len(in.args) != 2 {
		return errUsage
	}
	text, err := s.read(in.args[0])
	if err != nil {
		return err
	}
	value, err := lookup(text, in.args[1])
	switch {
	case in.not && errors.Is(err, errNoValue):
		return nil
	case err != nil:
		return err
	case in.not:
		return fmt.Errorf("%s is %s", in.args[1], value)
	}
	fmt.Fprintln(in.stdout, plain(value))
	return nil
}

var errNoValue = errors.New("no such value")

// lookup is the value at a dotted path, as it is written in text.
func lookup(text []byte, path string) (json.RawMessage, error) {
	if !json.Valid(text) {
		return nil, fmt.Errorf("this is no JSON: %s", text)
	}
	value := json.RawMessage(bytes.TrimSpace(text))
	for step := range strings.SplitSeq(path, ".") {
		var object map[string]json.RawMessage
		var array []json.RawMessage
		found := false
		switch value[0] {
		case '{':
			if err := json.Unmarshal(value, &object); err != nil {
				return nil, err
			}
			value, found = object[step]
		case '[':
			if err := json.Unmarshal(value, &array); err != nil {
				return nil, err
			}
			if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(array) {
				value, found = array[i], true
			}
		}
		if !found {
			return nil, fmt.Errorf("%w at %q of %s", errNoValue, step, path)
		}
	}
	return value, nil
}

// waitfor polls for a condition.
func (s *scenario) waitfor(in invocation) error {
	args := in.args
	var pattern *regexp.Regexp
	if len(args) > 2 && args[0] == "-stdout" {
		re, err := regexp.Compile("(?m)" + args[1])
		if err != nil {
			return err
		}
		pattern, args = re, args[2:]
	}
	not := len(args) > 1 && args[0] == "!"
	if not {
		args = args[1:]
	}
	if len(args) == 0 || args[0] == "waitfor" {
		return errUsage
	}
	run := s.run
	switch {
	case len(args) == 1 && pattern == nil && !not:
		run = s.written
	case args[0] == "exec":
		run = s.exec
	case args[0] == "grep":
		if len(args) != 3 || pattern != nil {
			return errUsage
		}
		re, err := regexp.Compile("(?m)" + args[1])
		if err != nil {
			return err
		}
		run = func(in invocation) error { return s.grep(re, in) }
	}
	var out, errs bytes.Buffer
	try := func() error {
		out.Reset()
		errs.Reset()
		if err := run(invocation{in.ctx, not, args, &out, &errs}); err != nil {
			return err
		}
		if pattern != nil && !pattern.Match(out.Bytes()) {
			return fmt.Errorf("no match for %s", pattern)
		}
		return nil
	}
	s.polling = true
	defer func() {
		s.polling = false
		for _, db := range s.databases {
			db.close(in.ctx)
		}
	}()
	// Most of it comes at once. What takes longer is looked for less often: a look takes
	// time from those whose work it is.
	for pause := 20 * time.Millisecond; ; pause = min(pause*3/2, 150*time.Millisecond) {
		err := try()
		if err == nil || in.ctx.Err() != nil {
			in.stdout.Write(out.Bytes())
			in.stderr.Write(errs.Bytes())
		}
		if _, never := errors.AsType[misuse](err); err == nil || never || errors.Is(err, errUsage) {
			return err
		}
		select {
		case <-in.ctx.Done():
			return fmt.Errorf("waited %v: %w", patience, err)
		case <-time.After(pause):
		}
	}
}

func (s *scenario) written(in invocation) error {
	info, err := os.Stat(s.ts.MkAbs(in.args[0]))
	if err == nil && info.Size() == 0 {
		err = fmt.Errorf("%s is empty", in.args[0])
	}
	return err
}

// grep is the script's own, which waitfor cannot call.
func (s *scenario) grep(re *regexp.Regexp, in invocation) error {
	text, err := os.ReadFile(s.ts.MkAbs(in.args[2]))
	if err != nil {
		return err
	}
	switch found := re.Match(text); {
	case !found && !in.not:
		return fmt.Errorf("no match for %s", in.args[1])
	case found && in.not:
		return fmt.Errorf("%s matches", in.args[1])
	}
	return nil
}

func (s *scenario) exec(in invocation) error {
	if len(in.args) < 2 {
		return errUsage
	}
	cmd, err := s.program(in.ctx, in.args[1:])
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = in.stdout, in.stderr
	err = cmd.Run()
	if in.not && err == nil {
		return errors.New("it succeeded")
	}
	if in.not {
		return nil
	}
	return err
}
