package query

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/pgmcp/pgmcp/internal/policy"
)

// parsePlan reads what EXPLAIN (FORMAT JSON) gives.
func parsePlan(text []byte) (*Plan, error) {
	var plans []struct {
		Plan struct {
			step
			Cost float64 `json:"Total Cost"`
		}
	}
	if err := json.Unmarshal(text, &plans); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if len(plans) != 1 {
		return nil, fmt.Errorf("read plan: there are %d", len(plans))
	}
	return &Plan{
		Cost: plans[0].Plan.Cost,
		Rows: plans[0].Plan.Rows,
		Plan: appendDocument(nil, text),

		widest: plans[0].Plan.widest(),
	}, nil
}

// A step is one node of a plan.
type step struct {
	Rows  float64 `json:"Plan Rows"`
	Steps []step  `json:"Plans"`
}

// widest is the most rows that s or a step below it is estimated to give.
func (s step) widest() float64 {
	most := s.Rows
	for _, below := range s.Steps {
		most = max(most, below.widest())
	}
	return most
}

// within says which limit a plan goes beyond.
func (p *Plan) within(l policy.Limits) error {
	switch {
	case l.MaxCost > 0 && p.Cost > l.MaxCost:
		return tooExpensive("a cost of %s", p.Cost, l.MaxCost)
	case l.MaxPlanRows > 0 && p.widest > l.MaxPlanRows:
		return tooExpensive("%s rows in one step", p.widest, l.MaxPlanRows)
	}
	return nil
}

// redact takes out of a plan what tells of relations that may not be read, such
// as those below a view. Readable has the names that the plan may show. If it has
// another one, all that is left of its nodes are numbers and what says how they
// work: conditions of one node name columns of others.
func (p *Plan) redact(readable map[string]bool) error {
	var plan any
	d := json.NewDecoder(bytes.NewReader(p.Plan))
	d.UseNumber()
	if err := d.Decode(&plan); err != nil {
		return fmt.Errorf("read plan: %w", err)
	}
	if !names(plan, readable) {
		return nil
	}
	strip(plan, readable)
	text, err := json.Marshal(plan)
	if err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	p.Plan = text
	return nil
}

const relationName = "Relation Name"

// names reports whether a part of a plan names a relation that is not readable.
func names(part any, readable map[string]bool) bool {
	switch part := part.(type) {
	case []any:
		for _, v := range part {
			if names(v, readable) {
				return true
			}
		}
	case map[string]any:
		if name, ok := part[relationName].(string); ok && !readable[name] {
			return true
		}
		for _, v := range part {
			if names(v, readable) {
				return true
			}
		}
	}
	return false
}

func strip(part any, readable map[string]bool) {
	switch part := part.(type) {
	case []any:
		for _, v := range part {
			strip(v, readable)
		}
	case map[string]any:
		name, _ := part[relationName].(string)
		for key, v := range part {
			switch v.(type) {
			case json.Number, bool:
				continue
			}
			switch key {
			case "Plan", "Plans":
				strip(v, readable)
			case "Node Type", "Strategy", "Partial Mode", "Join Type", "Parent Relationship", "Scan Direction":
			case relationName:
				if !readable[name] {
					delete(part, key)
				}
			default:
				delete(part, key)
			}
		}
	}
}
