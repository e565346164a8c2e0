// Package constructs holds one capability of the platform per file: its resources with safe defaults, the grants that
// let others use it, and the alarms that watch it.
//
// Constructs take plain Go values and L2 interfaces, never configuration and never an AWS SDK; a mistake in their props
// is a programmer's error and panics, because what an operator may get wrong was refused by package config before.
package constructs
