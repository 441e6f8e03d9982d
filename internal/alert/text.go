package alert

// Text is the Digest in plain lines, for a terminal: with at most so many alerts.
func (d *Digest) Text(language string, most int) string {
	m := d.viewFor(new(Channel)).message(language)
	return m.text(min(most, len(m.items)))
}
