package api

import "partnerlens/pkg/core"

// writeJSON writes the report with its records. The report comes first, so that nothing is
// written before the read has finished.
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
	if err := a.check(report); err != nil {
		return err
	}
	a.call.customers = report.Count
	_, _ = a.Write(body) // fails only if the client is gone
	return nil
}

// jsonFrame returns the JSON around the records.
func jsonFrame(report core.Report) ([]byte, error) {
	return jsonLine(nil, struct {
		core.Report `json:",inline"`
		Items       []core.Record `json:"items"`
	}{Report: report})
}
