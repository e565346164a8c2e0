package config

import (
	"fmt"
	"strings"
)

const mebibytesPerGibibyte = 1024

// fargateSizes are the memory sizes that Fargate offers for each number of CPU units, in GiB; 256 units have half a GiB
// too. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
var fargateSizes = map[int]struct{ least, most, step int }{
	256:   {1, 2, 1},
	512:   {1, 4, 1},
	1024:  {2, 8, 1},
	2048:  {4, 16, 1},
	4096:  {8, 30, 1},
	8192:  {16, 60, 4},
	16384: {32, 120, 8},
}

// fargateMemory lists the memory sizes for a number of CPU units, in MiB.
func fargateMemory(cpu int) []int {
	sizes := fargateSizes[cpu]
	var all []int
	if cpu == 256 {
		all = append(all, 512)
	}
	for size := sizes.least; size > 0 && size <= sizes.most; size += sizes.step {
		all = append(all, size*mebibytesPerGibibyte)
	}
	return all
}

// offered words them.
func offered(cpu int) string {
	all := fargateMemory(cpu)
	if len(all) <= 4 {
		return strings.ReplaceAll(strings.Trim(fmt.Sprint(all), "[]"), " ", ", ")
	}
	return fmt.Sprintf("%d to %d in steps of %d", all[0], all[len(all)-1], all[1]-all[0])
}
