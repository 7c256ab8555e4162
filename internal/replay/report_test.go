package replay_test

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/replay"
)

// made is a report with a scenario of each kind, one of them with text that XML
// has to escape or cannot hold.
func made() replay.Report {
	all := replay.Surface{Tools: []string{"ask", "health"}, Codes: []string{"locked", "timeout"}, Statuses: []string{"answered"}, Settings: []string{"llm.model"}}
	results := []replay.Result{
		{Name: "guard/a", Status: replay.Pass, Elapsed: 1500 * time.Millisecond, Touched: replay.Surface{Tools: []string{"ask"}, Codes: []string{"timeout", "made_up"}}},
		{Name: "guard/b", Status: replay.Fail, Elapsed: 20 * time.Millisecond, Log: "# it says <b> & \x1b\n> stdout x\nFAIL: b.txtar:3: no match for `x`\n"},
		{Name: "http/a", Status: replay.Skip, Log: "no container\n"},
	}
	return replay.Report{Server: "17.1 (url)", Results: results, Coverage: all.Cover(results), Unused: []string{"golden/a.txt"}, Elapsed: 2 * time.Second}
}

func TestReportText(t *testing.T) {
	for _, c := range []struct {
		name               string
		verbose, untouched bool
		want               string
	}{
		{"brief", false, false, `fail  guard/b (0.0s)
      # it says <b> & ` + "\x1b" + `
      > stdout x
      FAIL: b.txtar:3: no match for ` + "`x`" + `
skip  http/a (0.0s)
      no container
golden/a.txt: no scenario uses it
touched 1 of 2 tools, 1 of 2 codes, 0 of 1 statuses, 0 of 1 settings
1 passed, 1 failed, 1 skipped
`},
		{"all", true, true, `pass  guard/a (1.5s)
fail  guard/b (0.0s)
      # it says <b> & ` + "\x1b" + `
      > stdout x
      FAIL: b.txtar:3: no match for ` + "`x`" + `
skip  http/a (0.0s)
      no container
golden/a.txt: no scenario uses it
touched 1 of 2 tools, 1 of 2 codes, 0 of 1 statuses, 0 of 1 settings
tools not touched:
      health
codes not touched:
      locked
statuses not touched:
      answered
settings not touched:
      llm.model
1 passed, 1 failed, 1 skipped
`},
	} {
		var b strings.Builder
		if err := made().Text(&b, c.verbose, c.untouched); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestReportShowsTheEnd proves that of a long transcript the end is printed, where
// it says what is wrong.
func TestReportShowsTheEnd(t *testing.T) {
	r := replay.Report{Results: []replay.Result{{Name: "a/b", Status: replay.Fail, Log: "first\n" + strings.Repeat("line\n", 100) + "last\n"}}}
	var b strings.Builder
	if err := r.Text(&b, false, false); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); strings.Contains(s, "first") || !strings.Contains(s, "      … 42 lines before; --verbose shows them\n") || !strings.Contains(s, "      last\n") {
		t.Error(s)
	}
}

func TestReportJSON(t *testing.T) {
	var b strings.Builder
	if err := made().JSON(&b); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got["failed"] != 1.0 || len(got["scenarios"].([]any)) != 3 || got["untouched"].(map[string]any)["tools"].([]any)[0] != "health" || got["unused"].([]any)[0] != "golden/a.txt" {
		t.Error(b.String())
	}
}

func TestReportJUnit(t *testing.T) {
	var b strings.Builder
	if err := made().JUnit(&b); err != nil {
		t.Fatal(err)
	}
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="pgmcp replay" tests="3" failures="1" time="2">
  <testsuite name="guard" tests="2" failures="1" errors="0" skipped="0" time="1.52">
    <testcase name="a" classname="guard" time="1.5"></testcase>
    <testcase name="b" classname="guard" time="0.02">
      <failure message="FAIL: b.txtar:3: no match for ` + "`x`" + `"># it says &lt;b&gt; &amp; ` + "\uFFFD" + `&#xA;&gt; stdout x&#xA;FAIL: b.txtar:3: no match for ` + "`x`" + `&#xA;</failure>
    </testcase>
  </testsuite>
  <testsuite name="http" tests="1" failures="0" errors="0" skipped="1" time="0">
    <testcase name="a" classname="http" time="0">
      <skipped message="no container"></skipped>
    </testcase>
  </testsuite>
</testsuites>
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := xml.Unmarshal([]byte(b.String()), new(struct{})); err != nil {
		t.Error(err)
	}
}

// TestReportSeconds proves that times have no more than three decimals: Jenkins
// refuses a report with others, and 1.118 is not what a second and 118/1000 make
// as floats.
func TestReportSeconds(t *testing.T) {
	const elapsed = 1118 * time.Millisecond
	r := replay.Report{Elapsed: elapsed, Results: []replay.Result{{Name: "guard/a", Status: replay.Pass, Elapsed: elapsed}}}
	var junit, json strings.Builder
	if err := r.JUnit(&junit); err != nil {
		t.Fatal(err)
	}
	if err := r.JSON(&json); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(junit.String(), ` time="1.118"`); n != 3 {
		t.Error(junit.String())
	}
	if n := strings.Count(json.String(), `"seconds": 1.118`+"\n") + strings.Count(json.String(), `"seconds": 1.118,`); n != 2 {
		t.Error(json.String())
	}
}

// Whoever reads a report need not ask whether there is a list.
func TestCoverageHasNoNull(t *testing.T) {
	all := replay.Surface{Tools: []string{"ask"}, Codes: []string{"timeout"}}
	c := all.Cover([]replay.Result{{Touched: replay.Surface{Tools: []string{"ask"}}}})
	for _, s := range []replay.Surface{c.Touched, c.Untouched} {
		if s.Tools == nil || s.Codes == nil || s.Statuses == nil || s.Settings == nil {
			t.Errorf("%+v", c)
		}
	}
}
