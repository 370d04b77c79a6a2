package plot

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// logTicks labels powers of ten, and where there are few of them also twice and
// five times as much.
func logTicks(least, most float64) []plot.Tick {
	decades := math.Log10(most / least)
	var ticks []plot.Tick
	for exponent := math.Floor(math.Log10(least)); exponent <= math.Ceil(math.Log10(most)); exponent++ {
		for digit := 1; digit <= 9; digit++ {
			value := float64(digit) * math.Pow(10, exponent)
			if value < least*(1-1e-9) || value > most*(1+1e-9) {
				continue
			}
			tick := plot.Tick{Value: value}
			switch {
			case digit == 1 && (decades <= 6 || math.Mod(exponent, 2) == 0),
				decades <= 2.3 && (digit == 2 || digit == 5),
				decades <= 0.7:
				tick.Label = number(value)
			}
			ticks = append(ticks, tick)
		}
	}
	if labelled(ticks) < 2 {
		return linearTicks(least, most)
	}
	return ticks
}

func labelled(ticks []plot.Tick) (n int) {
	for _, t := range ticks {
		if t.Label != "" {
			n++
		}
	}
	return n
}

// linearTicks labels four to eight round numbers.
func linearTicks(least, most float64) []plot.Tick {
	step := math.Pow(10, math.Floor(math.Log10((most-least)/4)))
	for _, factor := range []float64{5, 2} {
		if step*factor <= (most-least)/4 {
			step *= factor
			break
		}
	}
	var ticks []plot.Tick
	for k := math.Ceil(least/step - 1e-9); k*step <= most+step*1e-9; k++ {
		ticks = append(ticks, plot.Tick{Value: k * step, Label: number(k * step)})
	}
	return ticks
}

// number writes a number shortly. What is left of a sum of steps is cut off.
func number(x float64) string {
	if x != 0 && (math.Abs(x) < 1e-4 || math.Abs(x) >= 1e6) {
		return strconv.FormatFloat(x, 'g', 4, 64)
	}
	text := strconv.FormatFloat(x, 'f', 6, 64)
	for text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	if text[len(text)-1] == '.' {
		text = text[:len(text)-1]
	}
	if text == "-0" {
		return "0"
	}
	return text
}
