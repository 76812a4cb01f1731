package console

import "time"

// State is the state of a step in an Event.
type State string

// The states. A step begins with Started (Cached, Done and Failed may come without) and ends with Cached, Done or Failed.
const (
	Started  State = "started"
	Cached   State = "cached"   // ended: the result existed already
	Done     State = "done"     // ended with success
	Failed   State = "failed"   // ended with Err
	Log      State = "log"      // Data was written to Stream
	Progress State = "progress" // Current of Total (bytes, mostly) are done; Total 0 is unknown
)

// Event is something that happened in a step of the work.
type Event struct {
	Step           string // stable name of the step, not for people
	Name           string // for people
	State          State
	Stream         int    // of Log: 1 stdout, 2 stderr
	Data           []byte // of Log: a piece of output, cut anywhere
	Err            string // of Failed: why
	Current, Total int64  // of Progress
	Minor          bool   // plain lines leave the step out, unless it fails or takes long
	Aloud          bool   // of Log: plain lines show it as it comes; without this only -v does
	Time           time.Time
}
