package dashboard

import (
	"math"
	"math/rand/v2"

	"peakline/test/cloudwatch"
)

// Points are the minutes of a sample: three hours.
const Points = 181

// SaleMorning are three hours of a morning on which a sale begins at nine: visitors come, readers have come before, and one release
// goes wrong for a few minutes.
func SaleMorning(row Row, whole bool) cloudwatch.Series {
	if whole { // of thirty days
		return cloudwatch.Series{map[string]float64{
			"RequestCount": 8.81e9, "HTTPCode_Target_5XX_Count": 2.41e6, "HTTPCode_ELB_5XX_Count": 0.22e6,
		}[row.Name]}
	}
	random := rand.New(rand.NewPCG(1, uint64(len(row.Name+row.Statistic+row.Dimensions["Role"]+row.Dimensions["Event"]))))
	values := make(cloudwatch.Series, Points)
	for i := range values {
		noise := func(share float64) float64 { return 1 + share*random.NormFloat64() }
		values[i] = sampleAt(row, float64(i), noise)
	}
	return values
}

// rush is the load at a minute, 0 before the sale and 1 at its height.
func rush(minute float64) float64 { return 1/(1+math.Exp(-(minute-66)/5)) - 0.25*max(0, minute-95)/85 }

// trouble is how bad a release is, from 0 to 1.
func trouble(minute float64) float64 { return math.Exp(-math.Pow((minute-128)/3.2, 2)) }

// steps counts the minutes at which something was added.
func steps(minute float64, first float64, at ...float64) float64 {
	for _, each := range at {
		if minute >= each {
			first++
		}
	}
	return first
}

func sampleAt(row Row, minute float64, noise func(float64) float64) float64 {
	load := rush(minute)
	requests := (190_000 + 545_000*load) * noise(0.012)
	serving := steps(minute, 2, 38, 40, 52, 70)
	switch row.Name + " " + row.Statistic {
	case "RequestCount Sum":
		return requests
	case "HTTPCode_Target_5XX_Count Sum":
		return requests * (0.00012 + 0.0022*trouble(minute)) * noise(0.08)
	case "HTTPCode_ELB_5XX_Count Sum":
		if trouble(minute) < 0.3 {
			return cloudwatch.Missing
		}
		return 40 * trouble(minute)
	case "TargetResponseTime p50":
		return (0.14 + 0.05*load) * noise(0.02)
	case "TargetResponseTime p95":
		return (0.46 + 0.38*load + 0.5*trouble(minute)) * noise(0.03)
	case "TargetResponseTime p99":
		return (0.95 + 0.85*load + 0.9*trouble(minute)) * noise(0.04)
	case "ServingReaders Maximum":
		return serving
	case "ComingReaders Maximum":
		return steps(minute, 2, 30, 31, 44, 62) - serving
	case "DesiredReaders Maximum":
		return steps(minute, 2, 30, 31, 44, 62)
	case "AuroraReplicaLagMaximum Maximum":
		return (14 + 21*load) * noise(0.1)
	case "EstimatedCharges Maximum":
		return 5_412
	case "TaskCount Average":
		return math.Round(12 + 34*load)
	case "CpuUtilized Sum":
		return (3_100 + 15_800*load) * noise(0.02)
	case "CpuReserved Sum":
		return 512 * math.Round(12+34*load)
	}
	switch row.Dimensions["Role"] + row.Dimensions["Event"] {
	case "WRITER":
		return (24 + 33*load) * noise(0.02)
	case "READER":
		return (110 + 330*load) / (serving + 1) * noise(0.02)
	case "order_placed":
		return (310 + 1_480*load) * (1 - 0.12*trouble(minute)) * noise(0.03)
	case "checkout_failed":
		return (4 + 11*load + 150*trouble(minute)) * noise(0.1)
	case "payment_declined":
		return (9 + 38*load) * noise(0.08)
	case "sign_in_failed":
		return (14 + 46*load) * noise(0.08)
	}
	return cloudwatch.Missing
}
