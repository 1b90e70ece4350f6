package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// chart has lines over one axis that grows by factors, and microseconds from 0.
type chart struct {
	title, unit string
	lines       []line
}

type line struct {
	name   string
	points []xy
}

type xy struct{ x, y float64 }

// Sizes in pixels. A panel is what a chart takes, its margins included.
const (
	panelWide = 460
	panelHigh = 300
	left      = 52
	right     = 18
	top       = 34
	bottom    = 34
	head      = 56
)

// Told apart without red and green, and by their dashes in print.
var strokes = []string{`stroke="#0b5fa5"`, `stroke="#b35900" stroke-dasharray="6 4"`}

// draw puts charts two in a row, under a legend.
func draw(charts []chart) string {
	var b strings.Builder
	rows := (len(charts) + 1) / 2
	wide, high := 2*panelWide, head+rows*panelHigh
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="#222" role="img" aria-label="Processor time of a request as keys, connections, bodies and allowlists grow">`+"\n", wide, high)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", wide, high)
	fmt.Fprintf(&b, `<text x="%d" y="22" font-size="15" font-weight="bold">Processor time of a request, microseconds</text>`+"\n", left)
	for n, l := range charts[0].lines {
		x := left + n*240
		fmt.Fprintf(&b, `<line x1="%d" y1="40" x2="%d" y2="40" stroke-width="2" %s/><text x="%d" y="44">%s</text>`+"\n", x, x+30, strokes[n%len(strokes)], x+38, html.EscapeString(l.name))
	}
	for n, c := range charts {
		fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n", n%2*panelWide, head+n/2*panelHigh)
		c.draw(&b)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// scale maps values to pixels.
type scale struct{ from, to, most float64 } // logarithms of x, and the end of y

func (s scale) x(v float64) float64 {
	return left + (math.Log10(v)-s.from)/max(s.to-s.from, 1e-9)*(panelWide-left-right)
}

func (s scale) y(v float64) float64 {
	return panelHigh - bottom - v/s.most*(panelHigh-top-bottom)
}

func (c chart) draw(b *strings.Builder) {
	var most float64
	for _, l := range c.lines {
		for _, p := range l.points {
			most = max(most, p.y)
		}
	}
	step := stepOf(most)
	points := c.lines[0].points
	s := scale{math.Log10(points[0].x), math.Log10(points[len(points)-1].x), math.Ceil(most/step) * step}
	fmt.Fprintf(b, `<text x="%d" y="20" font-weight="bold">%s</text>`+"\n", left, html.EscapeString(c.title))
	for v := 0.0; v <= s.most+step/2; v += step {
		fmt.Fprintf(b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n", left, s.y(v), panelWide-right, s.y(v), left-6, s.y(v)+4, v)
	}
	for _, p := range points {
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s%s</text>`+"\n", s.x(p.x), panelHigh-bottom+18, brief(p.x), c.unit)
	}
	for n, l := range c.lines {
		var path []string
		for _, p := range l.points {
			path = append(path, fmt.Sprintf("%.1f,%.1f", s.x(p.x), s.y(p.y)))
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="#fff" %s/>`+"\n", s.x(p.x), s.y(p.y), strokes[n%len(strokes)])
		}
		fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke-width="2" %s/>`+"\n", strings.Join(path, " "), strokes[n%len(strokes)])
	}
}

// stepOf is the distance of lines, 1, 2 or 5 times a power of ten, so that
// there are four to eight of them.
func stepOf(most float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(most, 1)/5)))
	for _, n := range []float64{1, 2, 5} {
		if most/(n*power) <= 8 {
			return n * power
		}
	}
	return 10 * power
}

// brief is 1k for a thousand.
func brief(v float64) string {
	switch {
	case v >= 1_000_000:
		return fmt.Sprintf("%gM", v/1_000_000)
	case v >= 1000:
		return fmt.Sprintf("%gk", v/1000)
	}
	return fmt.Sprintf("%g", v)
}
