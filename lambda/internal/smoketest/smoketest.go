// Package smoketest tries a release through the test listener, before any visitor meets it.
package smoketest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"peakline/lambda/contract"
)

// Tester sends the requests that a release has to answer.
type Tester struct {
	// URL is the test listener's, without a path or a final slash.
	URL    string
	Client *http.Client
	// Tries is how often a request is made until it is answered as wanted, and Pause the time in between: a load balancer takes
	// its time until each of its nodes knows a new target group.
	Tries int
	Pause time.Duration
}

// mostRead is as much of an answer as the placeholder needs.
const mostRead = 1024

// Try makes every request, and returns what the first one that fails was answered.
func (t *Tester) Try(ctx context.Context, tests contract.SmokeTests) error {
	if len(tests.Requests) == 0 {
		return fmt.Errorf("try the release: the hook names no request")
	}
	for _, request := range tests.Requests {
		if err := t.tryOne(ctx, request); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tester) tryOne(ctx context.Context, request contract.SmokeRequest) error {
	var last error
	for try := range t.Tries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return fmt.Errorf("try %s: %w; the time is over after %d tries", request.Path, last, try)
			case <-time.After(t.Pause):
			}
		}
		if last = t.get(ctx, request); last == nil {
			return nil
		}
	}
	return fmt.Errorf("try %s: %w, in %d tries", request.Path, last, t.Tries)
}

func (t *Tester) get(ctx context.Context, request contract.SmokeRequest) error {
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL+request.Path, nil)
	if err != nil {
		return err
	}
	answer, err := t.Client.Do(get)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostRead))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch {
	case answer.StatusCode == http.StatusOK && strings.HasPrefix(string(text), contract.PlaceholderText):
		return nil // there is no release yet, and nothing to try
	case request.Status == 0 && answer.StatusCode < http.StatusInternalServerError:
		return nil
	case request.Status == 0:
		return fmt.Errorf("answered %d, want below 500", answer.StatusCode)
	case answer.StatusCode != request.Status:
		return fmt.Errorf("answered %d, want %d", answer.StatusCode, request.Status)
	}
	return nil
}
