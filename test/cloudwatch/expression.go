package cloudwatch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Missing is the value of a period without a data point.
var Missing = math.NaN()

// Series has one value for each period, the latest last. What the service did not publish is Missing.
type Series []float64

// operand is what CloudWatch's metric math works on: a number, a time series, or an array of series.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
type operand struct {
	series Series
	array  []Series
	number float64
	kind   kind
}

type kind string

const (
	number kind = "a number"
	series kind = "a time series"
	array  kind = "an array of time series"
)

// Evaluate computes an expression over series of one length, by their names. It knows what the expressions of Peakline use of
// metric math, and refuses the rest: arrays of anything but time series among it, which CloudWatch rejects when the alarm is
// made ("Unsupported operand type(s) for MAX: '[Array[TimeSeries, Scalar]]'").
func Evaluate(expression string, metrics map[string]Series) (Series, error) {
	tree, err := parse(expression)
	if err != nil {
		return nil, err
	}
	length := -1
	for name, values := range metrics {
		if length >= 0 && length != len(values) {
			return nil, fmt.Errorf("metric %s has %d periods, others have %d", name, len(values), length)
		}
		length = len(values)
	}
	result, err := evaluate(tree, metrics)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", expression, err)
	}
	if result.kind != series {
		return nil, fmt.Errorf("%q is %s, an alarm needs one time series", expression, result.kind)
	}
	return result.series, nil
}

// Names are the metrics that an expression reads.
func Names(expression string) ([]string, error) {
	tree, err := parse(expression)
	if err != nil {
		return nil, err
	}
	called := map[*ast.Ident]bool{}
	var names []string
	ast.Inspect(tree, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.CallExpr:
			if function, ok := node.Fun.(*ast.Ident); ok {
				called[function] = true
			}
		case *ast.Ident:
			if !called[node] && !slices.Contains(names, node.Name) {
				names = append(names, node.Name)
			}
		}
		return true
	})
	return names, nil
}

// arrayOf is what brackets become: the rest of metric math's grammar is that of Go's expressions.
const arrayOf = "arrayOf"

func parse(expression string) (ast.Expr, error) {
	tree, err := parser.ParseExpr(strings.NewReplacer("[", arrayOf+"(", "]", ")").Replace(expression))
	if err != nil {
		return nil, fmt.Errorf("%q is no expression: %w", expression, err)
	}
	return tree, nil
}

func evaluate(tree ast.Expr, metrics map[string]Series) (operand, error) {
	switch tree := tree.(type) {
	case *ast.ParenExpr:
		return evaluate(tree.X, metrics)
	case *ast.BasicLit:
		value, err := strconv.ParseFloat(tree.Value, 64)
		if err != nil {
			return operand{}, fmt.Errorf("%s is no number", tree.Value)
		}
		return operand{kind: number, number: value}, nil
	case *ast.Ident:
		values, ok := metrics[tree.Name]
		if !ok {
			return operand{}, fmt.Errorf("there is no metric %s", tree.Name)
		}
		return operand{kind: series, series: values}, nil
	case *ast.BinaryExpr:
		operands, err := evaluateAll([]ast.Expr{tree.X, tree.Y}, metrics)
		if err != nil {
			return operand{}, err
		}
		return combine(tree.Op, operands[0], operands[1])
	case *ast.CallExpr:
		function, ok := tree.Fun.(*ast.Ident)
		if !ok {
			return operand{}, fmt.Errorf("something is called that is no function")
		}
		arguments, err := evaluateAll(tree.Args, metrics)
		if err != nil {
			return operand{}, err
		}
		return call(function.Name, arguments)
	default:
		return operand{}, fmt.Errorf("metric math has no %T", tree)
	}
}

func evaluateAll(trees []ast.Expr, metrics map[string]Series) ([]operand, error) {
	operands := make([]operand, len(trees))
	for i, tree := range trees {
		var err error
		if operands[i], err = evaluate(tree, metrics); err != nil {
			return nil, err
		}
	}
	return operands, nil
}

var operations = map[token.Token]func(x, y float64) float64{
	token.ADD:  func(x, y float64) float64 { return x + y },
	token.SUB:  func(x, y float64) float64 { return x - y },
	token.MUL:  func(x, y float64) float64 { return x * y },
	token.QUO:  quotient,
	token.GTR:  func(x, y float64) float64 { return truth(x > y) },
	token.GEQ:  func(x, y float64) float64 { return truth(x >= y) },
	token.LSS:  func(x, y float64) float64 { return truth(x < y) },
	token.LEQ:  func(x, y float64) float64 { return truth(x <= y) },
	token.EQL:  func(x, y float64) float64 { return truth(x == y) },
	token.NEQ:  func(x, y float64) float64 { return truth(x != y) },
	token.LAND: func(x, y float64) float64 { return truth(x != 0 && y != 0) },
	token.LOR:  func(x, y float64) float64 { return truth(x != 0 || y != 0) },
}

func truth(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// quotient is none where nothing is divided by: CloudWatch leaves such a data point out.
func quotient(x, y float64) float64 {
	if y == 0 {
		return Missing
	}
	return x / y
}

// combine computes period by period. Where one of two series has no data point, the result has none.
func combine(operator token.Token, x, y operand) (operand, error) {
	operation := operations[operator]
	if operation == nil || x.kind == array || y.kind == array {
		return operand{}, fmt.Errorf("%s cannot be used between %s and %s", operator, x.kind, y.kind)
	}
	return eachPeriod(func(values []float64) float64 {
		if slices.ContainsFunc(values, math.IsNaN) {
			return Missing
		}
		return operation(values[0], values[1])
	}, x, y), nil
}

// eachPeriod applies a function to the values of each period. Numbers have the same value in all of them.
func eachPeriod(apply func(values []float64) float64, operands ...operand) operand {
	periods := -1
	for _, one := range operands {
		if one.kind == series {
			periods = len(one.series)
		}
	}
	at := func(period int) float64 {
		values := make([]float64, len(operands))
		for i, one := range operands {
			values[i] = one.number
			if one.kind == series {
				values[i] = one.series[period]
			}
		}
		return apply(values)
	}
	if periods < 0 {
		return operand{kind: number, number: at(0)}
	}
	result := make(Series, periods)
	for period := range result {
		result[period] = at(period)
	}
	return operand{kind: series, series: result}
}

// call applies a function of metric math.
func call(name string, arguments []operand) (operand, error) {
	var kinds []string
	for _, argument := range arguments {
		kinds = append(kinds, string(argument.kind))
	}
	refused := fmt.Errorf("%s(%s) is none of CloudWatch's functions that are known here", name, strings.Join(kinds, ", "))
	if name == arrayOf {
		refused = fmt.Errorf("[%s]: an array holds time series alone", strings.Join(kinds, ", "))
	}
	switch {
	case name == arrayOf && len(arguments) > 0:
		result := operand{kind: array}
		for _, argument := range arguments {
			if argument.kind != series {
				return operand{}, refused
			}
			result.array = append(result.array, argument.series)
		}
		return result, nil
	case name == "FILL" && len(arguments) == 2 && arguments[0].kind == series && arguments[1].kind == number:
		return eachPeriod(func(values []float64) float64 {
			if math.IsNaN(values[0]) {
				return values[1]
			}
			return values[0]
		}, arguments...), nil
	case name == "IF" && len(arguments) == 3 && !slices.Contains(kinds, string(array)):
		return eachPeriod(func(values []float64) float64 {
			switch {
			case math.IsNaN(values[0]):
				return Missing
			case values[0] != 0:
				return values[1]
			default:
				return values[2]
			}
		}, arguments...), nil
	case aggregates[name] != nil && len(arguments) == 1 && arguments[0].kind == array:
		return aggregate(aggregates[name], arguments[0].array), nil
	}
	return operand{}, refused
}

var aggregates = map[string]func(x, y float64) float64{"MAX": math.Max, "MIN": math.Min, "SUM": func(x, y float64) float64 { return x + y }}

// aggregate takes, period by period, those of the series that have a data point.
func aggregate(join func(x, y float64) float64, all []Series) operand {
	result := make(Series, len(all[0]))
	for period := range result {
		result[period] = Missing
		for _, one := range all {
			switch value := one[period]; {
			case math.IsNaN(value):
			case math.IsNaN(result[period]):
				result[period] = value
			default:
				result[period] = join(result[period], value)
			}
		}
	}
	return operand{kind: series, series: result}
}
