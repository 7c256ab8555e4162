package eval

import (
	"cmp"
	"slices"
)

// A Point is what would be answered, and how much of it right, if the threshold
// were this.
type Point struct {
	Threshold float64 `json:"threshold"`
	Answered  int     `json:"answered"`
	Right     int     `json:"right"`
	Coverage  float64 `json:"coverage"` // Answered, of all questions
	Accuracy  float64 `json:"accuracy"` // Right, of Answered
}

// curve is the risk-coverage curve: a point for each confidence that occurs, the
// highest first, questions of the same confidence together. A question without
// an answer has confidence 0, and counts at that point as answered wrongly.
func curve(items []Item) []Point {
	sorted := slices.SortedFunc(slices.Values(items), func(a, b Item) int { return cmp.Compare(b.Confidence, a.Confidence) })
	points := []Point{}
	right := 0
	for i, item := range sorted {
		if item.Right {
			right++
		}
		if i+1 == len(sorted) || sorted[i+1].Confidence != item.Confidence {
			n := i + 1
			points = append(points, Point{item.Confidence, n, right, float64(n) / float64(len(sorted)), float64(right) / float64(n)})
		}
	}
	return points
}

// aurc is the area under the risk-coverage curve, taken as steps: the mean share
// of wrong answers over all coverages. Lower is better.
func aurc(items []Item) (float64, bool) {
	area, before := 0.0, 0.0
	for _, p := range curve(items) {
		area += (p.Coverage - before) * (1 - p.Accuracy)
		before = p.Coverage
	}
	return area, len(items) > 0
}

// A Proposal is a threshold for a wanted accuracy.
type Proposal struct {
	Target    float64 `json:"target"`
	Reached   bool    `json:"reached"`   // false: at no threshold, and the rest is zero
	Threshold float64 `json:"threshold"` // for answers.confidence_threshold
	Coverage  Rate    `json:"coverage"`
	Accuracy  Rate    `json:"accuracy"`
}

// propose is the threshold that answers most questions among those at which at
// least the target's share of the answers is right.
func propose(items []Item, target float64) Proposal {
	p := Proposal{Target: target}
	for _, point := range curve(items) {
		// At confidence 0 are the questions that have no answer to give.
		if point.Threshold > 0 && point.Accuracy >= target {
			p.Reached = true
			p.Threshold = point.Threshold
			p.Coverage = rate(point.Answered, len(items))
			p.Accuracy = rate(point.Right, point.Answered)
		}
	}
	return p
}
