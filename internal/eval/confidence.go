package eval

import (
	"cmp"
	"math"
	"slices"
)

// An Item is a question as the statistics of confidence see it.
type Item struct {
	Confidence float64 // 0 to 1; 0 if there was no answer to have confidence in
	Right      bool    // there was an answer, and it was right
	Answerable bool

	// Given: SQL was written and ran, so that there are rows to give or to withhold.
	Given bool
	// Refused: SQL was written and did not run. Without either, the model
	// declined to write any.
	Refused bool
}

// answered reports whether the item's answer is given at a threshold.
func (i Item) answered(threshold float64) bool { return i.Given && i.Confidence >= threshold }

// count counts the items for which f is true.
func count(items []Item, f func(Item) bool) int {
	n := 0
	for _, i := range items {
		if f(i) {
			n++
		}
	}
	return n
}

// A Decision is what a threshold makes of questions.
type Decision struct {
	Threshold float64 `json:"threshold"`
	Coverage  Rate    `json:"coverage"` // answered, of all questions
	Accuracy  Rate    `json:"accuracy"` // right, of those answered

	// An abstention is a question without an answer. It was due if no answer
	// is right, or if the one that was withheld or refused was not; where the
	// model itself declined a question that has an answer, it was not.
	AbstentionPrecision Rate `json:"abstention_precision"` // due, of all abstentions
	AbstentionRecall    Rate `json:"abstention_recall"`    // abstentions, of those due

	// Reliability prices errors: the mean of 1 for a right answer or for an
	// abstention from a question without one, 0 for another abstention, and
	// -k for an answer that is not right (TrustSQL's RS).
	Reliability []Reliability `json:"reliability"`
}

// A Reliability is the score at the price K of an error, in right answers.
type Reliability struct {
	K     int     `json:"k"`
	Score float64 `json:"score"`
}

// Decide applies a threshold to items.
func Decide(items []Item, threshold float64) Decision {
	answered := func(i Item) bool { return i.answered(threshold) }
	right := func(i Item) bool { return answered(i) && i.Right }
	abstained := func(i Item) bool { return !answered(i) }
	due := func(i Item) bool { return !i.Answerable || !i.Right && (i.Given || i.Refused) }
	both := func(i Item) bool { return abstained(i) && due(i) }
	n := count(items, answered)
	d := Decision{
		Threshold:           threshold,
		Coverage:            rate(n, len(items)),
		Accuracy:            rate(count(items, right), n),
		AbstentionPrecision: rate(count(items, both), count(items, abstained)),
		AbstentionRecall:    rate(count(items, both), count(items, due)),
	}
	for _, k := range []int{0, 1, 10, len(items)} {
		d.Reliability = append(d.Reliability, Reliability{k, reliability(items, threshold, k)})
	}
	return d
}

func reliability(items []Item, threshold float64, k int) float64 {
	if len(items) == 0 {
		return 0
	}
	sum := 0
	for _, i := range items {
		switch {
		case i.answered(threshold) && i.Right:
			sum++
		case i.answered(threshold):
			sum -= k
		case !i.Answerable:
			sum++
		}
	}
	return float64(sum) / float64(len(items))
}

// auroc is the probability that a right answer has a higher confidence than a
// wrong one; a tie counts half. It is not determined if all are right, or none is.
func auroc(items []Item) (float64, bool) {
	sorted := slices.SortedFunc(slices.Values(items), func(a, b Item) int { return cmp.Compare(a.Confidence, b.Confidence) })
	right, wrong, won := 0, 0, 0.0
	for i := 0; i < len(sorted); {
		j, r := i, 0
		for ; j < len(sorted) && sorted[j].Confidence == sorted[i].Confidence; j++ {
			if sorted[j].Right {
				r++
			}
		}
		w := j - i - r
		won += float64(r) * (float64(wrong) + float64(w)/2)
		right, wrong, i = right+r, wrong+w, j
	}
	if right == 0 || wrong == 0 {
		return 0, false
	}
	return won / (float64(right) * float64(wrong)), true
}

// brier is the mean square of how far confidence and outcome are apart: 0 is
// best, and 0.25 is what a constant 0.5 gets.
func brier(items []Item) float64 {
	sum := 0.0
	for _, i := range items {
		sum += math.Pow(i.Confidence-outcome(i), 2)
	}
	return sum / float64(max(len(items), 1))
}

func outcome(i Item) float64 {
	if i.Right {
		return 1
	}
	return 0
}

// A Bin is a group of items with similar confidences.
type Bin struct {
	Low        float64 `json:"low"` // the lowest confidence in it
	High       float64 `json:"high"`
	Count      int     `json:"count"`
	Confidence float64 `json:"confidence"` // mean
	Accuracy   float64 `json:"accuracy"`
}

// bins is how many groups calibration is looked at in.
const bins = 10

// equalWidth groups items by tenths of confidence. Empty groups are left out.
func equalWidth(items []Item) []Bin {
	groups := make([][]Item, bins)
	for _, i := range items {
		n := min(bins-1, int(i.Confidence*bins))
		groups[n] = append(groups[n], i)
	}
	return binned(groups)
}

// equalMass groups items into tenths of their number. Those with the same
// confidence stay together, because nothing says which of them comes first: there
// can be fewer groups than ten.
func equalMass(items []Item) []Bin {
	sorted := slices.SortedFunc(slices.Values(items), func(a, b Item) int { return cmp.Compare(a.Confidence, b.Confidence) })
	var groups [][]Item
	for start, n := 0, 1; start < len(sorted); n++ {
		end := max(n*len(sorted)/bins, start)
		for end > start && end < len(sorted) && sorted[end].Confidence == sorted[end-1].Confidence {
			end++
		}
		groups = append(groups, sorted[start:end])
		start = end
	}
	return binned(groups)
}

func binned(groups [][]Item) []Bin {
	all := []Bin{}
	for _, g := range groups {
		if len(g) == 0 {
			continue
		}
		b := Bin{Low: 1, Count: len(g)}
		for _, i := range g {
			b.Low, b.High = min(b.Low, i.Confidence), max(b.High, i.Confidence)
			b.Confidence += i.Confidence / float64(len(g))
			b.Accuracy += outcome(i) / float64(len(g))
		}
		all = append(all, b)
	}
	return all
}

// ece is the expected calibration error: how far mean confidence and accuracy of
// the groups are apart on average, each weighed by its size.
func ece(groups []Bin) float64 {
	sum, n := 0.0, 0
	for _, b := range groups {
		sum += float64(b.Count) * math.Abs(b.Confidence-b.Accuracy)
		n += b.Count
	}
	return sum / float64(max(n, 1))
}
