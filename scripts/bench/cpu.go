package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// pageCPU takes over what the vendor packages' own benchmarks weigh.
func pageCPU(ctx context.Context) ([]row, error) {
	var rows []row
	for _, cloud := range []struct {
		name, folder string
		most         float64
	}{
		{"Tencent", "./pkg/tencent", 0.50},
		{"Huawei", "./pkg/huawei", 0.80},
	} {
		page, floor, err := weigh(ctx, cloud.folder)
		if err != nil {
			return nil, err
		}
		rows = append(rows, ratioRow("CPU of a page of 100, "+cloud.name, page, floor, cloud.most, micros))
	}
	return rows, nil
}

func micros(nanoseconds float64) string { return fmt.Sprintf("%.0f µs", nanoseconds/1000) }

// weigh runs a package's BenchmarkPage and gives the CPU of a page and of its
// floor, in nanoseconds.
func weigh(ctx context.Context, folder string) (page, floor float64, err error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return 0, 0, err
	}
	test := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkPage$", "-benchtime", "5s", folder)
	test.Dir = root
	text, err := test.CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w\n%s", folder, err, text)
	}
	words := strings.Fields(string(text))
	for i, word := range words {
		switch word {
		case "cpu-ns/page":
			page, err = strconv.ParseFloat(words[i-1], 64)
		case "floor-cpu-ns/page":
			floor, err = strconv.ParseFloat(words[i-1], 64)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	if page == 0 || floor == 0 {
		return 0, 0, fmt.Errorf("%s: its benchmark told no figures", folder)
	}
	return page, floor, nil
}
