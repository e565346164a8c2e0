package constructs

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/aws/jsii-runtime-go"
)

// pascalCase turns a kebab-case name of ours ("database-writer-cpu") into a construct id ("DatabaseWriterCpu").
func pascalCase(name string) string {
	var id strings.Builder
	for _, word := range strings.Split(name, "-") {
		if word != "" {
			id.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return id.String()
}

// ID is the construct id of something that belongs to a named thing of the configuration: ID("erp-sync", "Task").
func ID(name, kind string) string { return pascalCase(name) + kind }

// optionalString leaves a property out of the template when it is empty.
func optionalString(value string) *string {
	if value == "" {
		return nil
	}
	return jsii.String(value)
}

// atMost shortens a name that AWS would refuse, and keeps two of them apart.
func atMost(length int, name string) string {
	if len(name) <= length {
		return name
	}
	sum := fmt.Sprintf("-%x", sha256.Sum256([]byte(name)))[:7]
	return name[:length-len(sum)] + sum
}
