package lab

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// writeOnce makes a named pipe that gives its first reader the text. stop ends the wait for a reader.
func writeOnce(file string, text []byte) (stop func(), err error) {
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		return nil, &os.PathError{Op: "mkfifo", Path: file, Err: err}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		pipe, err := os.OpenFile(file, os.O_WRONLY, 0) // waits for a reader
		if err != nil {
			return // it was removed
		}
		_, _ = pipe.Write(text) // a reader that closed the pipe needs no more
		_ = pipe.Close()
	}()
	return func() {
		pipe, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a reader that only lets the writer continue
		_ = os.Remove(file)
		if err != nil {
			return
		}
		select {
		case <-done:
		case <-time.After(stopTime): // more text than a pipe holds; the write fails when there is no reader
		}
		_ = pipe.Close()
	}, nil
}

// killTree kills a process and all its descendants. Each is stopped first, so that none of them starts another meanwhile.
func killTree(pid int) {
	stopped := map[int]bool{pid: true}
	_ = syscall.Kill(pid, syscall.SIGSTOP) // a process that has ended is fine too
	for grown := true; grown; {
		grown = false
		for child, parent := range parents() {
			if stopped[parent] && !stopped[child] {
				_ = syscall.Kill(child, syscall.SIGSTOP)
				stopped[child], grown = true, true
			}
		}
	}
	for pid := range stopped {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// parents are the parents of all processes.
func parents() map[int]int {
	all := map[int]int{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// "PID (NAME) STATE PARENT …", and the name may contain any character.
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil || len(fields) < 2 {
			continue
		}
		if parent, err := strconv.Atoi(string(fields[1])); err == nil {
			all[pid] = parent
		}
	}
	return all
}
