package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// A command is one that scenarios may use besides testscript's own.
type command struct {
	name string // one word, or two: "mcp call"
	args string
	doc  string
	traits
	run func(*scenario, invocation) error
}

// traits are what a command does besides its work.
type traits uint

const (
	negates traits = 1 << iota // "! NAME" means that it must fail
	prints                     // it replaces what stdout, stderr and cmp look at, even by nothing
)

// An invocation is one use of a command.
type invocation struct {
	ctx            context.Context
	not            bool
	args           []string
	stdout, stderr io.Writer // nil: those of the script, if the command prints
}

// errUsage is the error of a command that was given the wrong arguments.
var errUsage = errors.New("usage")

// A misuse is the error of a line that cannot succeed, however often it is tried.
type misuse struct{ error }

// table lists the commands, sorted by name. waitfor runs others, so the table is
// a function: a variable would depend on itself.
func table() []command {
	return []command{
		{"capture", "NAME FILE", "put the text of a file or stdout, without its last line end, into a variable", 0, (*scenario).capture},
		{"db", "NAME [FILE.sql [ROLE | superuser]]", "make a database from the file, empty without one, and put its URL into NAME_URL (in capitals); {{suffix}} in the file becomes $SUFFIX, for roles, which all databases of a server share; the URL is for ROLE, which the file creates, or for a superuser, or else for a role that may read everything and write nothing", 0, (*scenario).db},
		{"expand", "FILE...", "replace ${NAME} in the files with the variables of the script", 0, (*scenario).expand},
		{"expect code", "CODE", "the tool called last must have refused with this code", 0, (*scenario).expectCode},
		{"expect confidence", "LOW HIGH", "the answer of the tool called last must have a confidence from LOW to HIGH", 0, (*scenario).expectConfidence},
		{"expect rows", "[-set] FILE", "the tool called last must have given these rows, a JSON array a line; with -set in any order", 0, (*scenario).expectRows},
		{"expect sql", "FILE", "the answer of the tool called last must have this SQL, apart from case, space and comments", 0, (*scenario).expectSQL},
		{"expect status", "STATUS", "the answer of the tool called last must have this status", 0, (*scenario).expectStatus},
		{"fault", "NAME delay DURATION | cut | down | up", "make the proxy before a database hold back data for so long a round trip, reset open connections, refuse new ones, or be well again", 0, (*scenario).fault},
		{"golden", "FILE NAME", "compare a file, stdout or stderr with golden/NAME; --update rewrites that", 0, (*scenario).golden},
		{"json", "FILE PATH", "print the value at a path such as rows.0.1 of a JSON file or stdout, strings without quotes; ! wants no value there", negates | prints, (*scenario).json},
		{"mcp call", "[-text | -progress] SESSION TOOL [JSON]", "call a tool and print its structured content, byte for byte, or with -text its text, or with -progress what it said meanwhile; ! wants the tool to say no", negates | prints, (*scenario).mcpCall},
		{"mcp cancel", "SESSION", "give up the call that mcp start has started", 0, (*scenario).mcpCancel},
		{"mcp close", "SESSION", "end a session; what its server wrote to stderr can be looked at", prints, (*scenario).mcpClose},
		{"mcp connect", "[-protocol VERSION] SESSION PROGRAM ARG... | [-protocol VERSION] [-header 'NAME: VALUE']... SESSION -http URL|@FILE", "open an MCP session with a program over stdio, or with the server at a URL, which may be in a file, each request with the headers; ! wants that to fail", negates | prints, (*scenario).mcpConnect},
		{"mcp start", "SESSION TOOL [JSON]", "call a tool in the background, one in a session at a time", 0, (*scenario).mcpStart},
		{"mcp stderr", "SESSION", "print what the session's server wrote to stderr so far", prints, (*scenario).mcpStderr},
		{"mcp tools", "[-json] SESSION", "print the names of the tools, one a line, or with -json all that is said of them", prints, (*scenario).mcpTools},
		{"mcp wait", "[-text] SESSION", "wait for the end of the call that mcp start has started, and print as mcp call does; ! wants the tool to say no", negates | prints, (*scenario).mcpWait},
		{"metric", "FILE|@FILE NAME[{LABEL=\"VALUE\",...}]", "print the value of a metric in a file, or of the server whose address is in the file; the sum if several have these labels; ! wants none", negates | prints, (*scenario).metric},
		{"model fault", "status CODE [RETRY_AFTER] | delay DURATION | garbage | cut | endless | none", "make the model refuse, answer late, answer nonsense, break off, never stop, or be well again", 0, (*scenario).modelFault},
		{"model golden", "FOLDER", "start an OpenAI-compatible model that says what the golden answers in golden/FOLDER hold, and nothing else; --record asks the configured model, and writes them; put its URL into MODEL_URL", 0, (*scenario).modelGolden},
		{"model replies", "FILE...", "say from now on what these files hold: generate.json in the stage generate, and so on; a stage with several files (generate-2.json) says them in turn, the last for good; questions.json holds replies to single questions, as {QUESTION: {STAGE: REPLY}}, which come first", 0, (*scenario).modelReplies},
		{"model requests", "", "print what the model was asked so far", prints, (*scenario).modelRequests},
		{"model start", "[FILE...]", "start an OpenAI-compatible model that says what the files hold (see model replies), and in the stage judge, unless a file says otherwise, that all is well; put its URL into MODEL_URL", 0, (*scenario).modelStart},
		{"otlp metrics", "", "print the names of the metrics that the collector was sent so far, one a line", prints, (*scenario).otlpMetrics},
		{"otlp spans", "", "print the spans that the collector was sent so far, one a line: the names of those above it and its own, its trace, attributes and events", prints, (*scenario).otlpSpans},
		{"otlp start", "", "start an OpenTelemetry collector and put its URL into OTLP_URL", 0, (*scenario).otlpStart},
		{"proxy", "NAME", "put a proxy before a database and its address into NAME_URL, for fault", 0, (*scenario).proxy},
		{"psql", "NAME SQL", "run SQL on a database as superuser and print the rows, values separated by |; ! wants an error", negates | prints, (*scenario).psql},
		{"records", "FILE PATH=VALUE...", "print the lines of a file, such as an audit or a log, that are JSON and have these values at these paths; ! wants none", negates | prints, (*scenario).records},
		{"server restart", "", "stop PostgreSQL, of a scenario that says \"# server: own\", and start it again", 0, (*scenario).serverRestart},
		{"server start", "", "start PostgreSQL again, with its data and at its address", 0, (*scenario).serverStart},
		{"server stop", "", "stop PostgreSQL as an administrator does who does not wait for clients", 0, (*scenario).serverStop},
		{"waitfor", "FILE | [-stdout REGEXP] [!] COMMAND ARG...", "wait until a file is there and not empty, or until exec, grep or one of these commands succeeds (and its output matches)", prints, (*scenario).waitfor},
	}
}

// Help describes the commands, for people who write scenarios.
func Help(w io.Writer) {
	for _, c := range table() {
		not := ""
		if c.traits&negates != 0 {
			not = "[!] "
		}
		fmt.Fprintf(w, "%s%s\n", not, strings.TrimSpace(c.name+" "+c.args))
		line := "   "
		for word := range strings.FieldsSeq(c.doc) {
			if len(line)+len(word) > 88 {
				fmt.Fprintln(w, line)
				line = "   "
			}
			line += " " + word
		}
		fmt.Fprintln(w, line)
	}
}

// commands are the table's in the form that testscript wants.
func (s *scenario) commands() map[string]func(*testscript.TestScript, bool, []string) {
	m := map[string]func(*testscript.TestScript, bool, []string){}
	for _, c := range table() {
		word, _, _ := strings.Cut(c.name, " ")
		m[word] = func(ts *testscript.TestScript, not bool, args []string) {
			s.ts = ts
			ctx, cancel := context.WithTimeout(s.ctx, patience)
			defer cancel()
			ts.Check(s.run(invocation{ctx, not, append([]string{word}, args...), nil, nil}))
		}
	}
	return m
}

// run carries out the command that the first words of the invocation name.
func (s *scenario) run(in invocation) error {
	var usages []string
	for _, c := range table() {
		words := strings.Fields(c.name)
		if words[0] == in.args[0] {
			usages = append(usages, strings.TrimSpace(c.name+" "+c.args))
		}
		if len(in.args) < len(words) || !slices.Equal(in.args[:len(words)], words) {
			continue
		}
		if in.not && c.traits&negates == 0 {
			return fmt.Errorf("! %s means nothing", c.name)
		}
		if in.stdout == nil && c.traits&prints != 0 {
			in.stdout, in.stderr = s.ts.Stdout(), s.ts.Stderr()
		}
		in.args = in.args[len(words):]
		err := c.run(s, in)
		if errors.Is(err, errUsage) {
			return misuse{fmt.Errorf("usage: %s", strings.TrimSpace(c.name+" "+c.args))}
		}
		return err
	}
	if usages == nil {
		return misuse{fmt.Errorf("no command %s", in.args[0])}
	}
	return misuse{fmt.Errorf("usage: %s", strings.Join(usages, "\n   or: "))}
}
