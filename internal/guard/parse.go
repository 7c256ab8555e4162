package guard

import (
	"errors"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"github.com/pganalyze/pg_query_go/v5/parser"

	"github.com/pgmcp/pgmcp/internal/policy"
)

// parse makes the tree of the one statement in sql. The text gate has passed sql.
func parse(sql string) (*pg_query.ParseResult, *Refusal) {
	tree, err := pg_query.Parse(sql)
	if err != nil {
		// The parser stumbles over comments inside some pairs of words, such as
		// NOT IN and NULLS LAST, where PostgreSQL does not.
		again, errAgain := pg_query.Parse(blankComments(sql))
		if errAgain != nil {
			return nil, syntaxError(sql, err)
		}
		tree = again
	}
	switch len(tree.Stmts) {
	case 1:
		return tree, nil
	case 0:
		return nil, &Refusal{Code: NotOneStatement, Message: "there is no statement", Hint: "write one SELECT"}
	}
	return nil, &Refusal{
		Code:     NotOneStatement,
		Message:  "there is more than one statement",
		Position: position(sql, int(tree.Stmts[1].StmtLocation)),
		Hint:     "send one statement at a time",
	}
}

// blankComments puts spaces in the place of comments. Which parts of the text
// are comments is for the parser's own lexer to say.
func blankComments(sql string) string {
	if !strings.Contains(sql, "--") && !strings.Contains(sql, "/*") {
		return sql
	}
	scanned, err := pg_query.Scan(sql)
	if err != nil {
		return sql
	}
	text := []byte(sql)
	for _, token := range scanned.Tokens {
		if token.Token == pg_query.Token_SQL_COMMENT || token.Token == pg_query.Token_C_COMMENT {
			for i := token.Start; i < token.End; i++ {
				text[i] = ' '
			}
		}
	}
	return string(text)
}

func syntaxError(sql string, err error) *Refusal {
	at, _ := errors.AsType[*parser.Error](err)
	if at == nil || strings.Contains(err.Error(), "memory exhausted") {
		return &Refusal{Code: TooLong, Message: "the statement is nested too deeply to parse", Hint: "ask for less in one statement"}
	}
	return &Refusal{
		Code:     Syntax,
		Message:  at.Message,
		Position: min(at.Cursorpos, position(sql, len(sql))),
		Hint:     "PostgreSQL's grammar does not accept this; newer syntax than PostgreSQL 16 is not understood",
	}
}

// Fingerprint is the same for statements that differ in nothing but their
// literals: 16 hex digits, or "" of text that is not parsed. It is no verdict.
func Fingerprint(sql string) string {
	if checkText(sql, policy.Limits{MaxStatementSize: longestStatement, MaxTokens: mostTokens}) != nil {
		return ""
	}
	print, err := pg_query.Fingerprint(sql)
	if err != nil { // as parse has it
		print, err = pg_query.Fingerprint(blankComments(sql))
	}
	if err != nil {
		return ""
	}
	return print
}

// The most that a policy may allow, see schema.cue.
const (
	longestStatement = 64 << 10
	mostTokens       = 20_000
)
