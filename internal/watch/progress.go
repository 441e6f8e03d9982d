package watch

// Step is what a call does.
type Step string

// The steps, in their order.
const (
	StepReading    Step = "reading"
	StepChecking   Step = "checking" // whether every customer was read
	StepComparing  Step = "comparing"
	StepDelivering Step = "delivering"
	StepEnded      Step = "ended" // of package app
)

// Progress says how far a call is.
type Progress struct {
	Step  Step
	Count int  // customers read, with those of earlier calls
	Total *int // the vendor's count; nil: not known
}

func (r *invocation) progress(step Step, count int, total *int) {
	if r.Progress != nil {
		r.Progress(Progress{step, count, total})
	}
}
