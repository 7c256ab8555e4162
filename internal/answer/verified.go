package answer

import (
	"context"
	"fmt"

	"github.com/pgmcp/pgmcp/internal/verified"
)

// vouched answers with a verified query. The operator vouches for what it means,
// and for nothing that the policy forbids: it is checked, planned and run like
// any other. Refusal is why the values of the question make no statement.
func (p *Pipeline) vouched(ctx context.Context, database string, hit *verified.Hit, refusal error, steps *stages) (*Answer, error) {
	a := &Answer{Database: database}
	if refusal != nil {
		return a, a.refuse(refusal)
	}
	a.Verified, a.SQL = hit.Name, hit.SQL
	_, result, err := p.execute(ctx, a, steps)
	if err != nil {
		return a, a.refuse(err)
	}
	looks, err := shapeOf(result)
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	flags, doubts := evidence{looks: looks}.check(p.config.Answers.Checks)
	a.Flags = flags
	for _, d := range doubts {
		a.Notes = append(a.Notes, d.reason)
	}
	a.Status, a.Result = Answered, result
	a.Confidence = &Confidence{Score: 1, Label: "verified", Reasons: []string{"the operator vouches for this SQL, as the verified query " + hit.Name}}
	return a, nil
}

// refuse ends a if err is a verdict on its SQL, and else returns err.
func (a *Answer) refuse(err error) error {
	if _, ok := faultOf(err); !ok {
		return err
	}
	a.Status, a.Refusal = Refused, err
	return nil
}
