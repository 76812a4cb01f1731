package docsite

import "time"

// Generation says how to run a generator.
type Generation struct {
	// Base is a folder of this machine with the files that npm ci needs. Overlay is one that is copied over it afterwards, so that the result of
	// npm ci is kept while Base stays the same. They may be the same folder.
	Base, Overlay string
	// Replaced are slash paths of Base that Overlay replaces as a whole.
	Replaced []string
	// Times are set on files of Overlay, by slash path.
	Times map[string]time.Time
	// Build is the command, and Output the folder that it writes to, a slash path.
	Build  []string
	Output string
	// Env are more variables of the command.
	Env map[string]string
}
