package replay

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
)

// A Report is what became of a suite.
type Report struct {
	Server   string // PostgreSQL's release and where it came from
	Results  []Result
	Coverage Coverage
	Unused   []string // golden files that no scenario has a use for
	Elapsed  time.Duration
}

// Counts are how many scenarios ended in which way.
func (r Report) Counts() Counts {
	var c Counts
	for _, result := range r.Results {
		c.add(result.Status)
	}
	return c
}

// String is the line that ends a report.
func (c Counts) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.Passed, c.Failed, c.Skipped)
}

// shown is how many lines of a failure's transcript the text report prints, from
// its end.
const shown = 60

// Text writes the report for people: what failed and was skipped and, if verbose,
// what passed, with transcripts; golden files without use; how much was touched,
// and if that is asked for also what was not; and the counts.
func (r Report) Text(w io.Writer, verbose, untouched bool) error {
	var b strings.Builder
	for _, s := range r.Results {
		if s.Status != Pass || verbose || len(s.Kept) > 0 {
			fmt.Fprintf(&b, "%s  %s (%.1fs)\n", s.Status, s.Name, s.Elapsed.Seconds())
		}
		switch {
		case verbose:
			b.WriteString(indented(s.Log))
		case s.Status == Fail:
			b.WriteString(indented(tail(s.Log)))
		case s.Status == Skip:
			b.WriteString(indented(s.Log))
		}
		for _, k := range s.Kept {
			fmt.Fprintf(&b, "      kept %s\n", k)
		}
	}
	for _, path := range r.Unused {
		fmt.Fprintf(&b, "%s: no scenario uses it\n", path)
	}
	b.WriteString(r.Coverage.text(untouched))
	fmt.Fprintf(&b, "%v\n", r.Counts())
	_, err := io.WriteString(w, b.String())
	return err
}

// indented is a transcript below the line that names its scenario.
func indented(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		b.WriteString("      " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}

// tail is the end of a transcript.
func tail(log string) string {
	lines := strings.SplitAfter(strings.TrimRight(log, "\n"), "\n")
	if left := len(lines) - shown; left > 0 {
		return fmt.Sprintf("… %d lines before; --verbose shows them\n", left) + strings.Join(lines[left:], "")
	}
	return strings.Join(lines, "")
}

// text says how much was touched, and by name what was not if that is asked for.
func (c Coverage) text(untouched bool) string {
	var counts []string
	var names strings.Builder
	part := func(what string, touched, not []string) {
		counts = append(counts, fmt.Sprintf("%d of %d %s", len(touched), len(touched)+len(not), what))
		if len(not) == 0 {
			return
		}
		fmt.Fprintf(&names, "%s not touched:", what)
		column := 1 << 10 // the first name begins a line
		for _, name := range not {
			if column+1+len(name) > 100 {
				names.WriteString("\n     ")
				column = 5
			}
			names.WriteString(" " + name)
			column += 1 + len(name)
		}
		names.WriteString("\n")
	}
	part("tools", c.Touched.Tools, c.Untouched.Tools)
	part("codes", c.Touched.Codes, c.Untouched.Codes)
	part("statuses", c.Touched.Statuses, c.Untouched.Statuses)
	part("settings", c.Touched.Settings, c.Untouched.Settings)
	line := "touched " + strings.Join(counts, ", ")
	if !untouched {
		return line + "\n"
	}
	return line + "\n" + names.String()
}

// JSON writes the report as one JSON object.
func (r Report) JSON(w io.Writer) error {
	type scenario struct {
		Name    string   `json:"name"`
		Status  Status   `json:"status"`
		Seconds float64  `json:"seconds"`
		Log     string   `json:"log,omitempty"`
		Kept    []string `json:"kept,omitempty"`
	}
	type surface struct {
		Tools    []string `json:"tools"`
		Codes    []string `json:"codes"`
		Statuses []string `json:"statuses"`
		Settings []string `json:"settings"`
	}
	c := r.Counts()
	out := struct {
		Server    string     `json:"server"`
		Passed    int        `json:"passed"`
		Failed    int        `json:"failed"`
		Skipped   int        `json:"skipped"`
		Seconds   float64    `json:"seconds"`
		Scenarios []scenario `json:"scenarios"`
		Touched   surface    `json:"touched"`
		Untouched surface    `json:"untouched"`
		Unused    []string   `json:"unused,omitempty"`
	}{
		r.Server, c.Passed, c.Failed, c.Skipped, seconds(r.Elapsed), []scenario{},
		surface(r.Coverage.Touched), surface(r.Coverage.Untouched), r.Unused,
	}
	for _, s := range r.Results {
		out.Scenarios = append(out.Scenarios, scenario{s.Name, s.Status, seconds(s.Elapsed), s.Log, s.Kept})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

// seconds is d to the millisecond: the float that is written with no more than
// three decimals, which d.Seconds() need not be.
func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond).Milliseconds()) / 1000
}

// The parts of a JUnit report that every reader of such reports knows.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Time     float64      `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     float64     `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string     `xml:"name,attr"`
		ClassName string     `xml:"classname,attr"`
		Time      float64    `xml:"time,attr"`
		Skipped   *junitNote `xml:"skipped"`
		Failure   *junitNote `xml:"failure"`
		Output    *junitText `xml:"system-out"`
	}
	junitNote struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	junitText struct {
		Text string `xml:",chardata"`
	}
)

// JUnit writes the report as JUnit's XML, which CI systems read: a suite for each
// folder.
func (r Report) JUnit(w io.Writer) error {
	c := r.Counts()
	all := junitSuites{Name: "pgmcp replay", Tests: len(r.Results), Failures: c.Failed, Time: seconds(r.Elapsed)}
	var elapsed []time.Duration
	for _, s := range r.Results {
		folder, name := path.Split(s.Name)
		folder = strings.TrimSuffix(folder, "/")
		last := len(all.Suites) - 1
		if last < 0 || all.Suites[last].Name != folder {
			all.Suites = append(all.Suites, junitSuite{Name: folder})
			elapsed = append(elapsed, 0)
			last++
		}
		suite := &all.Suites[last]
		test := junitCase{Name: name, ClassName: folder, Time: seconds(s.Elapsed)}
		suite.Tests++
		switch s.Status {
		case Fail:
			suite.Failures++
			test.Failure = &junitNote{lastLine(s.Log), s.Log}
		case Skip:
			suite.Skipped++
			test.Skipped = &junitNote{lastLine(s.Log), ""}
		default:
			if s.Log != "" {
				test.Output = &junitText{s.Log}
			}
		}
		suite.Cases = append(suite.Cases, test)
		elapsed[last] += s.Elapsed
		suite.Time = seconds(elapsed[last])
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// lastLine is the line of a transcript that says why it ended.
func lastLine(log string) string {
	log = strings.TrimSpace(log)
	return log[strings.LastIndexByte(log, '\n')+1:]
}
