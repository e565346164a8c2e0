// Package edge holds the functions that run in CloudFront, in the form in which they are shipped. It imports nothing but the
// standard library: the constructs and the tests use the same text.
package edge

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// MaxBytes is the most that CloudFront takes for a function.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
const MaxBytes = 10 * 1024

// Settings is what the function of the shop knows of its environment.
type Settings struct {
	// Domains are the shop's names, the canonical one first.
	Domains []string `json:"domains"`
	// Dynamic are the path patterns that services answer.
	Dynamic []string `json:"dynamic"`
	// SecondOrigin is the id of the origin to which a share of the visitors can be sent; empty if there is none.
	SecondOrigin string `json:"secondOrigin"`
}

//go:embed viewer.js
var viewer string

//go:embed sorry.js
var sorry string

// noSettings is the line of viewer.js that Viewer fills.
const noSettings = "const settings = {};"

// Viewer is the function of the shop's distribution.
func Viewer(settings Settings) string {
	settings.Domains, settings.Dynamic = append([]string{}, settings.Domains...), append([]string{}, settings.Dynamic...) // [], not null
	text, err := json.Marshal(settings)
	if err != nil || strings.Count(viewer, noSettings) != 1 {
		panic(fmt.Sprintf("edge: no place for the settings %+v in viewer.js (%v)", settings, err))
	}
	return shipped(strings.Replace(viewer, noSettings, "const settings = "+string(text)+";", 1))
}

// Sorry is the function of the sorry page's distribution.
func Sorry() string { return shipped(sorry) }

var comment = regexp.MustCompile(`(?m)^\s*//.*\n`)

// shipped leaves the comments out, which count against MaxBytes.
func shipped(text string) string { return comment.ReplaceAllString(text, "") }
