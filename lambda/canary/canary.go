// Package canary holds the script of the canary that walks through a shop.
package canary

import _ "embed"

// Walk is the script, for CloudWatch Synthetics' runtime of Node.js without a browser.
//
//go:embed walk.js
var Walk string

// Settings are what the script reads from EnvWalk.
type Settings struct {
	URL         string `json:"url"`
	Environment string `json:"environment"`
	StepSeconds int    `json:"stepSeconds"` // until a request is given up
	Steps       []Step `json:"steps"`
}

// Step is one request. Without a status, any answer below 500 will do.
type Step struct {
	Name   string `json:"name"`
	Method string `json:"method"`
	Path   string `json:"path"`
	Status []int  `json:"status,omitempty"`
}

// EnvWalk is the environment variable with the Settings as JSON.
const EnvWalk = "WALK"
