package watch

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"io"

	"partnerlens/internal/alert"
	"partnerlens/pkg/core"
)

// alertLists are the lists of alerts.json and open.json while they are written.
type alertLists struct {
	alerts, open, silent int // their lengths

	// waiting has the silent transitions until the list of alerts is complete, compressed: on the
	// first of a month there may be one for every customer.
	waiting output
	packed  bytes.Buffer
}

// begin writes what precedes the first list of each object.
func (l *alertLists) begin(out outputs, isProven bool) {
	proven := ""
	if !isProven {
		proven = `"proven":false,`
	}
	out[alertsName].add([]byte(`{"schema":"partnerlens.alerts/v1",` + proven + `"alerts":[`))
	out[openName].add([]byte(`{"schema":"partnerlens.open/v1",` + proven + `"alerts":[`))
	l.waiting = output{Object: Object{Name: "silent.gz"}, sum: sha256.New()}
	l.waiting.open(&l.packed)
}

// write writes the result of evaluating one customer.
func (l *alertLists) write(out outputs, e alert.Evaluation) error {
	for _, list := range []struct {
		alerts []alert.Alert
		length *int
		add    func([]byte)
	}{
		{e.Alerts, &l.alerts, out[alertsName].row},
		{e.Open, &l.open, out[openName].row},
		{e.Silent, &l.silent, l.waiting.add},
	} {
		for _, a := range list.alerts {
			separator := "\n"
			if *list.length > 0 {
				separator = ",\n"
			}
			*list.length++
			text, err := core.AppendJSON([]byte(separator), a)
			if err != nil {
				return err
			}
			list.add(text)
		}
	}
	return l.waiting.err
}

// end writes the silent transitions, and what follows the last list of each object.
func (l *alertLists) end(out outputs) error {
	out[openName].add([]byte("\n]}\n"))
	out[alertsName].add([]byte("\n],\n\"silent\":["))
	if err := l.waiting.close(); err != nil {
		return err
	}
	unpacked, err := gzip.NewReader(&l.packed)
	if err != nil {
		return &core.Error{Code: core.CodeInternal, Err: err}
	}
	if alerts := out[alertsName]; alerts != nil {
		if _, err := io.Copy(adder{alerts}, unpacked); err != nil {
			return err
		}
	}
	out[alertsName].add([]byte("\n]}\n"))
	return nil
}

// adder is the io.Writer of an output.
type adder struct{ *output }

func (a adder) Write(p []byte) (int, error) {
	a.add(p)
	return len(p), a.err
}
