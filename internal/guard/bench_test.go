package guard

import (
	"errors"
	"testing"
)

// BenchmarkCheck judges the allowed cases in turn: ordinary statements.
func BenchmarkCheck(b *testing.B) {
	p := practice(b)
	var statements []string
	for _, file := range caseFiles(b, "allowed") {
		for _, c := range readCases(b, file) {
			statements = append(statements, c.statement())
		}
	}
	bytes := 0
	for _, sql := range statements {
		bytes += len(sql)
	}
	b.SetBytes(int64(bytes / len(statements)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := Check(statements[i%len(statements)], p); err != nil {
			b.Fatal(errors.Unwrap(err), statements[i%len(statements)])
		}
		i++
	}
}
