package eval

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// right, wrong and unanswerable are answers with a confidence; the last to a
// question that has none. Refused and declined are without an answer.
func right(c float64) Item        { return Item{Confidence: c, Right: true, Answerable: true, Given: true} }
func wrong(c float64) Item        { return Item{Confidence: c, Answerable: true, Given: true} }
func unanswerable(c float64) Item { return Item{Confidence: c, Given: true} }

var (
	refused         = Item{Answerable: true, Refused: true}
	declined        = Item{Answerable: true}
	declinedRightly = Item{}
)

// The labelled results that the values below are worked out for by hand.
var (
	// 10 questions; from the top: right 0.9, right 0.8, wrong 0.8, right 0.6,
	// wrong 0.5, unanswerable 0.4, and four without an answer.
	mixed    = []Item{wrong(0.5), right(0.9), refused, right(0.8), declined, wrong(0.8), right(0.6), declinedRightly, unanswerable(0.4), declinedRightly}
	allRight = []Item{right(0.9), right(0.7)}
	allWrong = []Item{wrong(0.9), wrong(0.7), refused}
	tied     = []Item{right(0.5), wrong(0.5), right(0.5), wrong(0.5)}
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestAUROC(t *testing.T) {
	for _, tt := range []struct {
		name  string
		items []Item
		want  float64
		ok    bool
	}{
		// Right: 0.9, 0.8, 0.6. Wrong: 0.8, 0.5, 0.4 and four times 0, so 7.
		// 0.9 beats all 7; 0.8 beats 6 and ties with one: 6.5; 0.6 beats 6.
		// (7 + 6.5 + 6) / (3 * 7) = 19.5 / 21.
		{"mixed", mixed, 19.5 / 21, true},
		// Each of 2 * 2 pairs is a tie: 4 * 1/2 / 4.
		{"tied", tied, 0.5, true},
		{"the wrong way round", []Item{right(0.1), wrong(0.9)}, 0, true},
		{"perfect", []Item{wrong(0.1), right(0.9)}, 1, true},
		{"all right", allRight, 0, false},
		{"all wrong", allWrong, 0, false},
		{"empty", nil, 0, false},
	} {
		if got, ok := auroc(tt.items); !near(got, tt.want) || ok != tt.ok {
			t.Errorf("%s: %v %v, want %v %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

func TestBrier(t *testing.T) {
	for _, tt := range []struct {
		name  string
		items []Item
		want  float64
	}{
		// Right: 0.1² + 0.2² + 0.4² = 0.01 + 0.04 + 0.16 = 0.21.
		// Wrong: 0.8² + 0.5² + 0.4² + 4 * 0² = 0.64 + 0.25 + 0.16 = 1.05.
		// (0.21 + 1.05) / 10.
		{"mixed", mixed, 0.126},
		{"tied", tied, 0.25},             // each (0.5)²
		{"all right", allRight, 0.05},    // (0.1² + 0.3²) / 2 = 0.1 / 2
		{"all wrong", allWrong, 1.3 / 3}, // (0.81 + 0.49 + 0) / 3
		{"empty", nil, 0},
	} {
		if got := brier(tt.items); !near(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestECE(t *testing.T) {
	for _, tt := range []struct {
		name        string
		items       []Item
		width, mass float64
	}{
		// Equal width: four at 0 in [0, 0.1), 0 right: |0 - 0| = 0.
		// 0.4: |0.4 - 0| * 1. 0.5: |0.5 - 0| * 1. 0.6: |0.6 - 1| * 1.
		// Two at 0.8, one right: |0.8 - 0.5| * 2 = 0.6. 0.9: |0.9 - 1| * 1.
		// (0.4 + 0.5 + 0.4 + 0.6 + 0.1) / 10 = 0.2.
		//
		// Equal mass: tenths of 10 items are single ones, but the ties stay
		// together: the same groups.
		{"mixed", mixed, 0.2, 0.2},
		// One group: |0.5 - 0.5|.
		{"tied", tied, 0, 0},
		// |0.9 - 1| and |0.7 - 1|, half each.
		{"all right", allRight, 0.2, 0.2},
		// (0.9 + 0.7 + 0) / 3.
		{"all wrong", allWrong, 1.6 / 3, 1.6 / 3},
		// 1 belongs to the highest tenth, as 0.95 does: |0.975 - 0.5|. By number
		// each is a group of its own: (|1 - 1| + |0.95 - 0|) / 2.
		{"the end", []Item{right(1), wrong(0.95)}, 0.475, 0.475},
		// The same tenth, but there |0.95 - 0.5|, and apart (|1 - 0| + |0.9 - 1|) / 2.
		{"a tenth", []Item{wrong(1), right(0.9)}, 0.45, 0.55},
		{"empty", nil, 0, 0},
	} {
		if got := ece(equalWidth(tt.items)); !near(got, tt.width) {
			t.Errorf("%s: %v with equal width, want %v", tt.name, got, tt.width)
		}
		if got := ece(equalMass(tt.items)); !near(got, tt.mass) {
			t.Errorf("%s: %v with equal mass, want %v", tt.name, got, tt.mass)
		}
	}
}

// Twenty items make ten groups of two, unless a tie reaches further.
func TestEqualMass(t *testing.T) {
	var items []Item
	for i := range 20 {
		items = append(items, wrong(float64(i)/100))
	}
	items[5].Confidence = items[4].Confidence // within a group
	items[8].Confidence = items[7].Confidence // 6 and 7 are one group, 8 and 9 the next
	want := []int{2, 2, 2, 3, 1, 2, 2, 2, 2, 2}
	var got []int
	for _, b := range equalMass(items) {
		got = append(got, b.Count)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("groups (-want +got):\n%s", d)
	}
	want3 := []Bin{
		{Low: 0.1, High: 0.1, Count: 1, Confidence: 0.1},
		{Low: 0.2, High: 0.2, Count: 1, Confidence: 0.2, Accuracy: 1},
		{Low: 0.3, High: 0.3, Count: 1, Confidence: 0.3},
	}
	if d := cmp.Diff(want3, equalMass([]Item{wrong(0.3), right(0.2), wrong(0.1)}), cmpopts.EquateApprox(0, 1e-9)); d != "" {
		t.Errorf("fewer items than groups (-want +got):\n%s", d)
	}
}

func TestDecide(t *testing.T) {
	for _, tt := range []struct {
		name                                 string
		items                                []Item
		threshold                            float64
		covered, right, due, abstained, both int
		rs0, rs1, rs10, rsN                  float64
	}{
		// Answered at 0.6: right 0.9, right 0.8, wrong 0.8, right 0.6: 4, 3 of them right.
		// Abstained: 6. Due: wrong 0.5, wrong 0.8, unanswerable 0.4, two without an answer
		// in the database, refused: 6. Due and abstained: all but wrong 0.8: 5.
		// RS: +1 for 3 right answers and for unanswerable 0.4 and two rightly declined: 6;
		// 0 for wrong 0.5, refused, declined; -k for wrong 0.8.
		// (6 - 0)/10, (6 - 1)/10, (6 - 10)/10, k = 10 again.
		{"mixed", mixed, 0.6, 4, 3, 6, 6, 5, 0.6, 0.5, -0.4, -0.4},
		// A threshold that is met exactly counts. At 0.9: 1 answered, right; 9 abstained,
		// due 6, all of them abstained. RS: 1 + 3 = 4, nothing wrong.
		{"strict", mixed, 0.9, 1, 1, 6, 9, 6, 0.4, 0.4, 0.4, 0.4},
		// At 0 every answer that there is is given, but no more: 6 answered, 3 right;
		// 4 abstained, of which due: refused and two rightly declined: 3.
		// RS: 3 + 2 = 5, less 3 wrong: 0.5, 0.2, (5 - 30)/10.
		{"open", mixed, 0, 6, 3, 6, 4, 3, 0.5, 0.2, -2.5, -2.5},
		{"all right", allRight, 0.6, 2, 2, 0, 0, 0, 1, 1, 1, 1},
		// Two wrong answers, one refused: 0 - 2k over 3.
		{"all wrong", allWrong, 0.6, 2, 0, 3, 1, 1, 0, -2.0 / 3, -20.0 / 3, -2},
		{"empty", nil, 0.6, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		want := Decision{
			Threshold:           tt.threshold,
			Coverage:            rate(tt.covered, len(tt.items)),
			Accuracy:            rate(tt.right, tt.covered),
			AbstentionPrecision: rate(tt.both, tt.abstained),
			AbstentionRecall:    rate(tt.both, tt.due),
			Reliability:         []Reliability{{0, tt.rs0}, {1, tt.rs1}, {10, tt.rs10}, {len(tt.items), tt.rsN}},
		}
		if d := cmp.Diff(want, Decide(tt.items, tt.threshold), cmpopts.EquateApprox(0, 1e-9)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestCurve(t *testing.T) {
	want := []Point{
		{0.9, 1, 1, 0.1, 1},
		{0.8, 3, 2, 0.3, 2.0 / 3}, // the tie is answered together
		{0.6, 4, 3, 0.4, 0.75},
		{0.5, 5, 3, 0.5, 0.6},
		{0.4, 6, 3, 0.6, 0.5},
		{0, 10, 3, 1, 0.3},
	}
	if d := cmp.Diff(want, curve(mixed), cmpopts.EquateApprox(0, 1e-9)); d != "" {
		t.Errorf("curve (-want +got):\n%s", d)
	}
	for _, tt := range []struct {
		name  string
		items []Item
		want  float64
		ok    bool
	}{
		// Steps of coverage times risk: 0.1*0 + 0.2*(1/3) + 0.1*0.25 + 0.1*0.4 + 0.1*0.5 + 0.4*0.7
		// = 0 + 0.0666667 + 0.025 + 0.04 + 0.05 + 0.28 = 0.4616667.
		{"mixed", mixed, 0.2/3 + 0.395, true},
		{"tied", tied, 0.5, true}, // one step: 1 * 0.5
		{"all right", allRight, 0, true},
		{"all wrong", allWrong, 1, true},
		{"empty", nil, 0, false},
	} {
		if got, ok := aurc(tt.items); !near(got, tt.want) || ok != tt.ok {
			t.Errorf("%s: AURC %v %v, want %v %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

func TestPropose(t *testing.T) {
	for _, tt := range []struct {
		name            string
		items           []Item
		target          float64
		threshold       float64 // 0: none reaches it
		answered, right int
	}{
		// The curve falls below 0.7 at 0.8 and is above it again at 0.6.
		{"mixed", mixed, 0.7, 0.6, 4, 3},
		{"exactly", mixed, 0.75, 0.6, 4, 3},
		{"more", mixed, 0.8, 0.9, 1, 1},
		// 0.3 is reached at confidence 0 too, where there is nothing to answer.
		{"little", mixed, 0.3, 0.4, 6, 3},
		{"all right", allRight, 1, 0.7, 2, 2},
		{"all wrong", allWrong, 0.1, 0, 0, 0},
		{"tied", tied, 0.6, 0, 0, 0},
		{"empty", nil, 0.9, 0, 0, 0},
	} {
		want := Proposal{Target: tt.target}
		if tt.threshold > 0 {
			want = Proposal{tt.target, true, tt.threshold, rate(tt.answered, len(tt.items)), rate(tt.right, tt.answered)}
		}
		if d := cmp.Diff(want, propose(tt.items, tt.target)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestRate(t *testing.T) {
	for _, tt := range []struct {
		hits, of         int
		share, low, high float64
	}{
		// z² = 3.841459. 8 of 10: middle (0.8 + 0.192073)/(1 + 0.384146) = 0.992073/1.384146 = 0.716740;
		// half 1.959964/1.384146 * sqrt(0.016 + 0.0096036) = 1.416010 * 0.160011 = 0.226578.
		{8, 10, 0.8, 0.490162, 0.943318},
		// No hits: the middle and its half are the same, (0.192073)/1.384146 = 0.138766.
		{0, 10, 0, 0, 0.277533},
		{10, 10, 1, 0.722467, 1},
		{0, 0, 0, 0, 1}, // nothing is known
	} {
		r := rate(tt.hits, tt.of)
		for _, x := range [][2]float64{{r.Share, tt.share}, {r.Low, tt.low}, {r.High, tt.high}} {
			if math.Abs(x[0]-x[1]) > 1e-5 {
				t.Errorf("%d of %d: %+v, want %v from %v to %v", tt.hits, tt.of, r, tt.share, tt.low, tt.high)
				break
			}
		}
	}
}

func TestBootstrap(t *testing.T) {
	if e := bootstrap(allRight, auroc); e != nil {
		t.Errorf("AUROC of right answers alone: %+v", e)
	}
	// Where every item is the same, so is every sample.
	if e := bootstrap([]Item{wrong(0.3), wrong(0.3)}, aurc); *e != (Estimate{1, 1, 1}) {
		t.Errorf("%+v", e)
	}
	random := rand.New(rand.NewPCG(3, 4))
	var items []Item
	for range 400 {
		c := random.Float64()
		items = append(items, Item{Confidence: c, Right: random.Float64() < c, Answerable: true, Given: true})
	}
	// If confidence is uniform and true, AUROC is 5/6: P(right) is 2c, P(wrong) 2(1-c), and
	// the integral of 2c * (2c - c²) over c from 0 to 1 is 4/3 - 1/2.
	e := bootstrap(items, auroc)
	if math.Abs(e.Value-5.0/6) > 0.05 || e.Low > e.Value || e.High < e.Value || e.High-e.Low < 0.04 || e.High-e.Low > 0.12 {
		t.Errorf("AUROC %+v, want about 0.833 with an interval of about 0.08", e)
	}
	if again := bootstrap(items, auroc); *again != *e {
		t.Errorf("%+v, and the second time %+v", e, again)
	}
}
