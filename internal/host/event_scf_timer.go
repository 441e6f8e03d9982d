package host

// scfTimer reads the event of an SCF timer ("Trigger Event
// Message Structure Summary", 2024-11-06). Message is the trigger's additional
// information, as it was typed in.
func (e *event) scfTimer() (Job, error) {
	payload, err := queryIn([]byte(e.Message), "Message")
	return Job{
		Trigger: TriggerSCFTimer, Name: e.TriggerName, Payload: payload,
		Scheduled: instant(e.Time),
	}, err
}
