package alert

// AddOpen counts a condition that is open in the run. The order of adding does not matter.
func (d *Digest) AddOpen(a Alert) {
	if d.open == nil {
		d.open = make(map[Kind]int)
	}
	d.open[a.Kind]++
}
