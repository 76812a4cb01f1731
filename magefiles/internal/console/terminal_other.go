//go:build !unix

package console

// There is no job control here: any process with a terminal may draw on it.
func (t *terminal) foreground() bool { return true }

func handleBrokenPipe() {}

func ignoreTerminalStop() {}
