package query

import (
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
