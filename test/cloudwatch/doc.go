// Package cloudwatch is what AWS documents of CloudWatch, for tests: which metrics services publish and by which dimensions,
// what an expression makes of them, and when an alarm changes its state. It knows no template and calls nothing.
package cloudwatch
