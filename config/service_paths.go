package config

import (
	"regexp"
	"strings"
)

var (
	// pathPattern is a path, or a prefix and *. ALB has more wildcards; with these two forms an overlap is decidable at sight.
	pathPattern  = regexp.MustCompile(`^/[A-Za-z0-9._~/-]*\*?$`)
	variableName = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,127}$`)
	eventName    = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
)

// refusePattern refuses a path pattern that a load balancer would not take as it is meant.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_PathPatternConditionConfig.html
func (i inspection) refusePattern(path, pattern string) (refused bool) {
	const most = 128
	switch {
	case !pathPattern.MatchString(pattern):
		i.refuse(path, "%q is no path pattern, want a path such as /api/cart or a prefix such as /api/cart/*", shorten(pattern))
	case len(pattern) > most:
		i.refuse(path, "%d characters, want at most %d, for instance a prefix and *", len(pattern), most)
	default:
		return false
	}
	return true
}

// overlap tells whether some path fits both patterns.
func overlap(a, b string) bool {
	stemA, openA := strings.CutSuffix(a, "*")
	stemB, openB := strings.CutSuffix(b, "*")
	switch {
	case openA && openB:
		return strings.HasPrefix(stemA, stemB) || strings.HasPrefix(stemB, stemA)
	case openA:
		return strings.HasPrefix(stemB, stemA)
	case openB:
		return strings.HasPrefix(stemA, stemB)
	}
	return stemA == stemB
}
