package host

// scfTimer reads the event of an SCF timer ("Timer Trigger", read November
// 2026). Message is the trigger's additional information, as it was typed in.
func (e *event) scfTimer() (Job, error) {
	payload, err := queryIn([]byte(e.Message), "Message")
	return Job{
		Trigger: TriggerSCFTimer, Name: e.TriggerName, Payload: payload,
		Scheduled: instant(e.Time),
	}, err
}
