//go:build !unix

package console

// There is no job control here: whoever has a terminal may draw on it.
func (t *terminal) foreground() bool { return true }

func outliveReaders() {}

func ignoreTerminalStop() {}
