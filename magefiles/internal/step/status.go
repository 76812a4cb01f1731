package step

// Status is the state that a use case reached. Each use case declares its own, and these are common to them.
type Status string

const (
	// StatusUnchanged: everything was there already.
	StatusUnchanged Status = "unchanged"
	// StatusPlanned: a dry run, which writes nothing.
	StatusPlanned Status = "planned"
)
