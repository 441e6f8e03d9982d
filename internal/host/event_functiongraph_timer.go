package host

// functionGraphTimer reads the event of a FunctionGraph timer ("Supported
// Trigger Events for FunctionGraph", gathered November 2026). user_event is the
// trigger's additional information.
func (e *event) functionGraphTimer() (Job, error) {
	payload, err := queryIn([]byte(e.UserEvent), "user_event")
	return Job{
		Trigger: TriggerFunctionGraph, Name: e.GraphTriggerName, Payload: payload,
		Scheduled: instant(e.LowerTime),
	}, err
}
