package guard

import (
	"errors"
	"testing"

	"github.com/pganalyze/pg_query_go/v5/parser"
)

// TestSyntaxError shows what is said of a statement that the parser had to give up.
func TestSyntaxError(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want Code
	}{
		{&parser.Error{Message: "syntax error at end of input", Cursorpos: 2}, Syntax},
		{&parser.Error{Message: "memory exhausted", Cursorpos: 2}, TooLong},
		{errors.New("the parser failed"), TooLong},
	} {
		if got := syntaxError("SELECT", tt.err); got.Code != tt.want {
			t.Errorf("%v: %v, want %s", tt.err, got, tt.want)
		}
	}
}

// TestCommentsInsideWords shows that a comment may stand where a space may.
func TestCommentsInsideWords(t *testing.T) {
	for _, sql := range []string{
		"SELECT 1 WHERE 1 NOT /* ever */ IN (2)",
		"SELECT 1 ORDER BY 1 NULLS -- at last\nLAST",
	} {
		if _, refusal := parse(sql); refusal != nil {
			t.Errorf("%s: %v", sql, refusal)
		}
	}
}
