package decision

import (
	"math"
	"slices"
	"time"
)

// recentMinutes is RecentWindow in minutes, the current one included.
const recentMinutes = int(RecentWindow/time.Minute) + 1

// staleAfter is the age from which a point says nothing about now, counted from the end of its minute.
const staleAfter = 3

// window is a cleaned series: the value by minutes back from the current one, NaN where there is none.
type window [recentMinutes]float64

// newWindow cleans a series: later duplicates win, future and old points, negative ones and those that are no number
// are dropped, values above limit are cut to it.
func newWindow(series Series, minute int64, limit float64) window {
	var w window
	for i := range w {
		w[i] = math.NaN()
	}
	for _, s := range series {
		back := minute - s.Minute
		if back < 0 || back >= int64(recentMinutes) || math.IsNaN(s.Value) || math.IsInf(s.Value, 0) || s.Value < 0 {
			continue
		}
		w[back] = min(s.Value, limit)
	}
	return w
}

// newest is how many minutes back the newest point is, or -1 without any.
func (w *window) newest() int {
	for back, v := range w {
		if !math.IsNaN(v) {
			return back
		}
	}
	return -1
}

// fresh says whether the newest point is recent enough to act on.
func (w *window) fresh() bool {
	back := w.newest()
	return back >= 0 && back-1 <= staleAfter
}

// at is the value some minutes back, or the last one before it that is not stale by then.
func (w *window) at(back int) (float64, bool) {
	for i := back; i < len(w) && i <= back+staleAfter; i++ {
		if !math.IsNaN(w[i]) {
			return w[i], true
		}
	}
	return 0, false
}

// median3 is the median of the newest three points, and whether there is any.
func (w *window) median3() (float64, bool) {
	points := make([]float64, 0, 3)
	for _, v := range w {
		if !math.IsNaN(v) && len(points) < 3 {
			points = append(points, v)
		}
	}
	if len(points) == 0 {
		return 0, false
	}
	return median(points), true
}

// above counts the points over a limit within the newest minutes that have points, and how many points those are.
func (w *window) above(limit float64, minutes int) (over, points int) {
	start := w.newest()
	if start < 0 {
		return 0, 0
	}
	for back := start; back < len(w) && back < start+minutes; back++ {
		if math.IsNaN(w[back]) {
			continue
		}
		points++
		if w[back] > limit {
			over++
		}
	}
	return over, points
}

// median sorts its argument and returns the middle value, the mean of two.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	if n%2 == 1 {
		return values[n/2]
	}
	return (values[n/2-1] + values[n/2]) / 2
}
