package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/urfave/cli/v3"

	"peakline/cmd/peakline/internal/protocol"
	"peakline/lambda/decision"
)

func decideCommand() *cli.Command {
	return &cli.Command{
		Name:      "decide",
		Usage:     "read observations as JSON lines, write the scaler's decisions as JSON lines",
		UsageText: "peakline decide [-policy FILE.yaml] < observations.jsonl > decisions.jsonl",
		Description: "Runs the code of the Lambda function. One observation per line in:\n" +
			`  {"now":"2026-11-27T08:00:00Z","cluster":{"status":"available"},"members":[{"id":"writer","role":"writer",` + "\n" +
			`   "status":"available","class":"db.r8g.large","vcpu":2,"zone":"us-east-1a","cpu":[[29929439,41.5]]}, ...]}` + "\n" +
			"One decision per line out:\n" +
			`  {"desired":3,"creates":[{"id":"...-r01","zone":"us-east-1b","class":"db.r8g.large"}],"deletes":[],...}` + "\n" +
			"What a line said is kept, so the next one carries only new points. docs/decide-protocol.md has every field.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "policy", Usage: "policy as YAML or JSON `FILE`; what it leaves out, or without it everything, is as shipped"},
		},
		Action: func(_ context.Context, command *cli.Command) error {
			if command.Args().Present() {
				return fmt.Errorf("decide: argument %q, want none: observations come from standard input", command.Args().First())
			}
			policy := decision.ProductionPolicy()
			if file := command.String("policy"); file != "" {
				var err error
				if policy, err = readPolicy(file); err != nil {
					return err
				}
			}
			return decideLines(os.Stdin, os.Stdout, policy)
		},
	}
}

// readPolicy reads a policy file over the shipped policy.
func readPolicy(file string) (decision.Policy, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return decision.Policy{}, fmt.Errorf("read policy: %w", err)
	}
	policy := decision.ProductionPolicy()
	var stated any // nothing, in an empty file or one of comments: it leaves the shipped policy as it is
	if err := yaml.Unmarshal(text, &stated); err != nil && !errors.Is(err, io.EOF) {
		return decision.Policy{}, fmt.Errorf("read policy %s: %w", file, err)
	}
	if stated == nil {
		return policy, nil
	}
	if err := yaml.UnmarshalWithOptions(text, &policy, yaml.Strict()); err != nil {
		return decision.Policy{}, fmt.Errorf("read policy %s: %w", file, err)
	}
	if err := policy.Validate(); err != nil {
		return decision.Policy{}, fmt.Errorf("read policy %s: %w", file, err)
	}
	return policy, nil
}

// decideLines answers each line as soon as it is read. It stops at the first line it cannot read; the answers before
// it have been written.
func decideLines(in io.Reader, out io.Writer, policy decision.Policy) error {
	session := protocol.NewSession(policy)
	reader := bufio.NewReaderSize(in, 1<<20)
	for number := 1; ; number++ {
		line, readErr := reader.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			answer, err := session.Answer(line)
			if err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
			if _, err := out.Write(append(answer, '\n')); err != nil {
				return fmt.Errorf("line %d: write decision: %w", number, err)
			}
		}
		if errors.Is(readErr, io.EOF) {
			return nil
		}
		if readErr != nil {
			return fmt.Errorf("line %d: read observation: %w", number, readErr)
		}
	}
}
