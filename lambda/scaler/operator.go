package scaler

import (
	"context"
	"io"
	"time"

	"peakline/lambda/decision"
	"peakline/lambda/internal/aurora"
	"peakline/lambda/internal/handler"
	"peakline/lambda/internal/settings"
)

// What an operator is told.
type (
	// Report is what one run saw, decided and did.
	Report = handler.Report
	// Settings is the deployed policy with the override in force.
	Settings = settings.Settings
	// Run is what the scaler's own metrics tell of its last run.
	Run = aurora.Run
)

// LongestOverride is how long an override may last.
const LongestOverride = settings.LongestOverride

// Operator is a person's hand on the scaler of one cluster.
type Operator struct{ props handler.Props }

// NewOperator makes an operator's hand. But for Drain it changes nothing but the override parameter.
func NewOperator(props Props) *Operator {
	props.Log = io.Discard
	wired := props.wire()
	wired.ReadOnly = true
	return &Operator{wired}
}

// Settings reads policy and override.
func (o *Operator) Settings(ctx context.Context) (Settings, error) {
	return settings.Read(ctx, o.props.Parameters, o.props.Cluster.Environment, o.props.Now())
}

// SetOverride replaces the override.
func (o *Operator) SetOverride(ctx context.Context, override decision.Override) error {
	return settings.Write(ctx, o.props.Parameters, o.props.Cluster.Environment, override)
}

// RemoveOverride leaves the deployed policy alone.
func (o *Operator) RemoveOverride(ctx context.Context) error {
	return settings.Remove(ctx, o.props.Parameters, o.props.Cluster.Environment)
}

// Preview decides as the scaler would now, and does nothing.
func (o *Operator) Preview(ctx context.Context) (Report, error) {
	return handler.New(o.props).Handle(ctx, []byte("{}"))
}

// LastRun is the scaler's last run within an hour.
func (o *Operator) LastRun(ctx context.Context) (Run, error) {
	return o.props.Cluster.LastRun(ctx, o.props.Now())
}

// Drain asks for the deletion of the scaler's readers and returns how many there were: call it until none is left. It
// is for emulated accounts; a stack's deletion drains by itself.
func (o *Operator) Drain(ctx context.Context) (remaining int, err error) {
	readers, err := o.props.Cluster.Drain(ctx)
	return len(readers), err
}

// Now is the operator's clock.
func (o *Operator) Now() time.Time { return o.props.Now() }
