package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// unknownText stands for what could not be measured.
const unknownText = "-"

// A table is text in columns: the first to the left, the others to the right.
type table struct {
	title string
	head  []string
	rows  [][]string // each as long as head
}

// write gives the table with columns as wide as they need to be. A column in which nothing is
// known is left out.
func (t table) write(w io.Writer) error {
	var b strings.Builder
	b.WriteString(t.title + "\n")
	widths := t.widths()
	for _, line := range append([][]string{t.head}, t.rows...) {
		for i, text := range line {
			if widths[i] == 0 {
				continue
			}
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if i == 0 {
				b.WriteString("  " + text + gap)
				continue
			}
			b.WriteString("  " + gap + text)
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String()+"\n")
	return err
}

// widths of the columns; 0 leaves one out.
func (t table) widths() []int {
	widths := make([]int, len(t.head))
	for _, line := range t.rows {
		for i, text := range line {
			if text != unknownText {
				widths[i] = max(widths[i], utf8.RuneCountInString(text), utf8.RuneCountInString(t.head[i]))
			}
		}
	}
	return widths
}

// show writes a figure times a factor, with some decimals and thousands apart.
func (f figure) show(factor float64, decimals int) string {
	if !f.known {
		return unknownText
	}
	return apart(strconv.FormatFloat(f.value*factor, 'f', decimals, 64))
}

// whole shows the figure without decimals.
func (f figure) whole() string { return f.show(1, 0) }

// added shows a difference, always with its sign.
func (f figure) added() string {
	if f.known && math.Round(f.value) >= 0 {
		return "+" + figure{math.Abs(f.value), true}.whole()
	}
	return f.whole()
}

// percent shows a share.
func (f figure) percent() string {
	if !f.known {
		return unknownText
	}
	return f.show(100, 1) + " %"
}

// times shows a ratio.
func (f figure) times() string {
	if !f.known {
		return unknownText
	}
	return f.show(1, 2) + " x"
}

// apart sets the thousands of a decimal number apart.
func apart(number string) string {
	digits, fraction, _ := strings.Cut(number, ".")
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	return sign + digits + fraction
}

func count[N int | int64](n N) string { return apart(strconv.FormatInt(int64(n), 10)) }

func megabytes(bytes int64) string {
	if bytes == 0 {
		return unknownText
	}
	return fmt.Sprintf("%d", (bytes+1<<19)>>20)
}
