package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReport(t *testing.T) {
	const events = `
{"Action":"build-output","ImportPath":"x/broken","Output":"broken.go:3:1: syntax error\n"}
{"Action":"build-fail","ImportPath":"x/broken"}
{"Action":"output","Package":"x/broken","Output":"FAIL\tx/broken [build failed]\n"}
{"Action":"fail","Package":"x/broken","Elapsed":0}
{"Action":"run","Package":"x/good","Test":"TestA"}
{"Action":"output","Package":"x/good","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"x/good","Test":"TestA","Output":"    a_test.go:9: quiet\n"}
{"Action":"pass","Package":"x/good","Test":"TestA","Elapsed":0}
{"Action":"output","Package":"x/good","Test":"TestB","Output":"    b_test.go:2: no time\n"}
{"Action":"skip","Package":"x/good","Test":"TestB","Elapsed":0}
{"Action":"output","Package":"x/good","Test":"BenchmarkC","Output":"BenchmarkC\nBenchmarkC-2   \t"}
{"Action":"output","Package":"x/good","Test":"BenchmarkC","Output":"10\t 5 ns/op\n"}
{"Action":"output","Package":"x/good","Output":"PASS\n"}
{"Action":"pass","Package":"x/good","Elapsed":0.25}
{"Action":"output","Package":"x/bad","Test":"TestD/sub","Output":"    d_test.go:7: wrong\n"}
{"Action":"output","Package":"x/bad","Test":"TestD/sub","Output":"    --- FAIL: TestD/sub (0.00s)\n"}
{"Action":"fail","Package":"x/bad","Test":"TestD/sub","Elapsed":0}
{"Action":"output","Package":"x/bad","Test":"TestD","Output":"--- FAIL: TestD (0.00s)\n"}
{"Action":"fail","Package":"x/bad","Test":"TestD","Elapsed":0}
{"Action":"output","Package":"x/bad","Output":"FAIL\n"}
{"Action":"output","Package":"x/bad","Output":"coverage: 8.0% of statements in ./...\n"}
{"Action":"output","Package":"x/bad","Output":"FAIL\tx/bad\t0.1s\n"}
{"Action":"fail","Package":"x/bad","Elapsed":0.1}
{"Action":"skip","Package":"x/untested","Elapsed":0}
`
	const want = `broken.go:3:1: syntax error
FAIL	x/broken [build failed]
    b_test.go:2: no time
BenchmarkC-2   	10	 5 ns/op
ok  	x/good	0.250s
    d_test.go:7: wrong
    --- FAIL: TestD/sub (0.00s)
--- FAIL: TestD (0.00s)
FAIL	x/bad	0.1s
1 passed, 3 failed, 1 skipped
`
	var b strings.Builder
	n, err := report(&b, strings.NewReader(events))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()+n.String()+"\n"); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestReportOfBrokenEvents(t *testing.T) {
	if _, err := report(&strings.Builder{}, strings.NewReader("{\"Action\":\"pass\"}\nno JSON")); err == nil {
		t.Error("no error")
	}
}
