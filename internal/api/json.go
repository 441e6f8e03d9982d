package api

import "partnerlens/pkg/core"

// writeJSON writes the report with its records. It cannot begin before the
// read has ended, since the report comes first.
func writeJSON(a *answer) error {
	room, err := a.room(jsonFrame)
	if err != nil {
		return err
	}
	body, report, err := a.question.JSON(a.ctx, room.take)
	if err != nil {
		return err
	}
	a.call.report = &report
	if err := a.refuse(report); err != nil {
		return err
	}
	a.call.customers = report.Count
	a.start()
	_, _ = a.w.Write(body) // fails only where the client went away
	return nil
}

// jsonFrame is what stands around the records.
func jsonFrame(report core.Report) ([]byte, error) {
	return jsonLine(nil, struct {
		core.Report `json:",inline"`
		Items       []core.Record `json:"items"`
	}{Report: report})
}
