package vcs

import "time"

// Dates are when a file was added and last changed. A zero time is unknown.
type Dates struct{ Created, Modified time.Time }
