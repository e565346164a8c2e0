package decision

import "math"

// A trend is believed as far as trends came true here. Noise that lasts some minutes, as of a metric published every
// five, looks like the steepest rise; which of them it was shows only afterwards, but the two weeks tell.
const (
	creditSteps = 10  // parts of the growth meant that are told apart
	creditPrior = 3.0 // moments at which a trend came true in full, as long as nothing is known
)

// creditSizes are the growths, in shares of the demand, from which trends are counted apart: steep ones are seldom noise.
// What means less is believed.
var creditSizes = [...]float64{0.1, 0.25, 0.5, 1}

// credit is how much of the growth that trends meant came true, by its size.
type credit [len(creditSizes)]struct {
	moments float64
	came    [creditSteps]float64 // moments at which more than so many tenths of it came
}

// sizeOf is the index of the size of a growth, or -1.
func sizeOf(growth float64) int {
	size := len(creditSizes) - 1
	for size >= 0 && growth < creditSizes[size] {
		size--
	}
	return size
}

// add counts a moment: the ratio that the trend meant, and the one that came.
func (c *credit) add(meant, came float64) {
	size := sizeOf(meant - 1)
	if size < 0 {
		return
	}
	c[size].moments++
	for tenths := range c[size].came {
		if (came-1)*creditSteps > (meant-1)*float64(tenths) {
			c[size].came[tenths]++
		}
	}
}

// share is how much of a growth of this size came true in all but the likely share of the moments.
func (c *credit) share(size int) float64 {
	for tenths, came := range c[size].came {
		if (came+creditPrior)/(c[size].moments+creditPrior) <= likely {
			return float64(tenths) / creditSteps
		}
	}
	return 1
}

// believed is the ratio that a trend is worth. What is known of smaller growth holds for the first part of larger growth,
// so that a steeper trend is never worth less.
func (c *credit) believed(meant float64) float64 {
	growth := meant - 1
	last := sizeOf(growth)
	if last < 0 {
		return meant
	}
	worth := creditSizes[0]
	for size := range last {
		worth = max(worth, c.share(size)*creditSizes[size+1])
	}
	return 1 + min(growth, max(worth, c.share(last)*growth))
}

// believed is the ratio that a trend is worth; without a fit, the trend itself.
func (g *growth) believed(meant float64) float64 {
	if g == nil {
		return meant
	}
	return g.credit.believed(meant)
}

// trust counts how much of each moment's trend came true within the minutes over which it was continued. Trends and growth
// are ratios; NaN is unknown.
func (g *growth) trust(trends, came []float64) {
	for i, meant := range trends {
		if !math.IsNaN(meant) && !math.IsNaN(came[i]) {
			g.credit.add(meant, came[i])
		}
	}
}
