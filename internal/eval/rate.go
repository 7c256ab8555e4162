package eval

import (
	"math"
	"math/rand/v2"
	"slices"
)

// A Rate is a share of cases, and how sure one can be of it.
type Rate struct {
	Hits  int     `json:"hits"`
	Of    int     `json:"of"`
	Share float64 `json:"share"` // 0 of 0 is 0
	Low   float64 `json:"low"`   // with High, Wilson's 95 % interval
	High  float64 `json:"high"`
}

// rate is the rate of hits among so many.
func rate(hits, of int) Rate {
	if of == 0 {
		return Rate{High: 1}
	}
	const z = 1.959964 // of the normal distribution, 97.5 %
	n, p := float64(of), float64(hits)/float64(of)
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return Rate{hits, of, p, max(0, middle-half), min(1, middle+half)}
}

// An Estimate is a statistic of cases with a 95 % interval, by the bootstrap.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// resamples is how often the bootstrap draws cases anew.
const resamples = 1000

// bootstrap is a statistic of items, or nil where they do not determine it. The
// same items give the same interval.
func bootstrap(items []Item, statistic func([]Item) (float64, bool)) *Estimate {
	value, ok := statistic(items)
	if !ok {
		return nil
	}
	random := rand.New(rand.NewPCG(1, 2))
	drawn := make([]Item, len(items))
	var found []float64
	for range resamples {
		for i := range drawn {
			drawn[i] = items[random.IntN(len(items))]
		}
		if v, ok := statistic(drawn); ok {
			found = append(found, v)
		}
	}
	e := &Estimate{Value: value, Low: value, High: value}
	if len(found) > 0 {
		slices.Sort(found)
		e.Low, e.High = found[len(found)*25/1000], found[(len(found)*975-1)/1000]
	}
	return e
}
