// Command step is what the tests run in a container: it says what it is told, or waits until it is ended.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "wait" {
		ended := make(chan os.Signal, 1)
		// By name: the Go runtime sends SIGURG to itself to preempt, and lets it through to who asks for every signal.
		signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
		<-ended
		return
	}
	fmt.Println("uid", os.Getuid(), os.Args[1:])
}
