// Package e2e deploys the environment local with the real CDK CLI to an emulated account of its own, and reads that
// account back through the AWS SDK. Nothing here looks into a template: what counts is what AWS would hold.
package e2e
