//go:build linux

// Command execinit is process 1 of every exec of the embedded engine. It runs the command in its arguments as the instruction says, and writes
// stdout, stderr, both together and the exit code to files outside the root file system. Package execmeta has the contract. It is static
// (CGO_ENABLED=0) and runs in any root file system, even in an empty one.
//
// Its behaviour and its messages are those of Dagger v0.21.8, as recorded: a command that cannot be started is exit code 1 with the reason on its
// stderr; a failure before that is exit code -1 with a message.
package main

import (
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
)

func main() {
	os.Exit(run(os.Args[1:], place{
		meta:   execmeta.Dir,
		input:  execmeta.InputDir,
		passwd: "/etc/passwd",
		group:  "/etc/group",
	}))
}

// place is the folder of the init's files. Tests use another one.
type place struct {
	meta, input, passwd, group string
}

// run runs args and returns the exit status of the init: 0 if the command ended as the instruction expects.
func run(args []string, at place) int {
	// The command does not get other descriptors that the runtime left open.
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if text, ok := os.LookupEnv(execmeta.TerminalName); ok {
		return runForPerson(args, text, at)
	}
	if _, ok := os.LookupEnv(execmeta.ArchiveName); ok {
		if err := archive(args, os.Stdout); err != nil {
			return complain(err)
		}
		return 0
	}
	answer, err := newAnswer(at.meta)
	if err != nil {
		return complain(err)
	}
	in, err := readInstruction(at.input)
	if err != nil {
		return finish(answer, in, execmeta.Status{ExitCode: execmeta.NotStarted, Message: err.Error()})
	}
	return finish(answer, in, execute(args, in, at, answer))
}

// finish writes the status and chooses the exit status that BuildKit sees.
func finish(answer *answer, in execmeta.Instruction, status execmeta.Status) int {
	if status.Message != "" {
		fmt.Fprintln(os.Stderr, status.Message)
	}
	if err := answer.writeStatus(status); err != nil {
		return complain(err)
	}
	switch {
	case status.Message == "" && in.Expect.Accepts(status.ExitCode):
		return 0
	case status.ExitCode > 0:
		return status.ExitCode
	}
	return 1
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "blumeops exec:", err)
	return 1
}
