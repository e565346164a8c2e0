package main

import "peakline/stacks"

func buildFunctions() (stacks.FunctionCode, error) { return stacks.FunctionCode{}, nil }
