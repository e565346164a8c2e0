package decision

import (
	"math"
	"sort"
)

const (
	tailBins  = 160
	tailStep  = 0.025 // logarithm of growth per bin
	tailFirst = -1.5  // logarithm of growth at the start of the first bin
)

// tally counts moments by how far demand outgrew one sight.
type tally struct {
	rows float64
	tail [tailBins]float64 // moments within the bin; once summed, beyond the bin's start
	cost float64           // sum of what the sight showed
}

func (t *tally) add(growth float64) {
	t.rows++
	bin := int((growth - tailFirst) / tailStep)
	t.tail[min(max(bin, 0), tailBins-1)]++
}

// beyond is how many moments' growth exceeded a logarithm.
func (t *tally) beyond(growth float64) float64 {
	bin := int(math.Ceil((growth-tailFirst)/tailStep - 1e-9))
	if bin >= tailBins {
		return 0
	}
	return t.tail[max(bin, 0)]
}

// sum turns the moments by bin into those beyond each bin's start.
func (t *tally) sum() {
	for bin := tailBins - 2; bin >= 0; bin-- {
		t.tail[bin] += t.tail[bin+1]
	}
}

// margin is the logarithm of the ratio over a sight that demand exceeded in at most a share of the moments.
func (t *tally) margin(risk float64) float64 {
	bin := sort.Search(tailBins-1, func(bin int) bool { return t.tail[bin] <= risk*t.rows })
	return tailFirst + float64(bin)*tailStep
}
