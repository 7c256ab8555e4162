package query

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// parsePlan reads what EXPLAIN (FORMAT JSON) gives.
func parsePlan(text []byte) (*Plan, error) {
	var plans []struct {
		Plan struct {
			Cost float64 `json:"Total Cost"`
			Rows float64 `json:"Plan Rows"`
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
	}, nil
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
