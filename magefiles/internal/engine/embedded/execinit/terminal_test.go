//go:build linux

package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/frame"
)

// heard is what a person gets from a command.
type heard struct {
	stdout, stderr string
	code           int
	exited         bool
	init           int    // exit status of the init
	complaint      string // of the init
}

// person runs a command as a person uses it. each is called for each message, with a function that sends one.
func (b *bench) person(in execmeta.Instruction, term execmeta.Terminal, each func(h *heard, send func(frame.Kind, []byte)), args ...string) *heard {
	b.t.Helper()
	text, err := term.Encode()
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := b.command(in, args...)
	cmd.Env = append(cmd.Env, execmeta.TerminalName+"="+text)
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	if err1 != nil || err2 != nil {
		b.t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	h := &heard{}
	send := func(kind frame.Kind, data []byte) {
		if err := frame.Write(stdin, kind, data); err != nil {
			b.t.Error(err)
		}
	}
	if each != nil {
		each(h, send)
	}
	if err := frame.Read(stdout, func(kind frame.Kind, data []byte) error { return h.take(kind, data, each, send, stdin) }); err != nil {
		b.t.Error(err)
	}
	_ = cmd.Wait() // its state tells
	h.init, h.complaint = cmd.ProcessState.ExitCode(), complaint.String()
	return h
}

func (h *heard) take(kind frame.Kind, data []byte, each func(*heard, func(frame.Kind, []byte)), send func(frame.Kind, []byte), stdin io.Closer) error {
	switch kind {
	case frame.Stdout:
		h.stdout += string(data)
	case frame.Stderr:
		h.stderr += string(data)
	case frame.Exit:
		h.code, h.exited = frame.Number(data, 0), true
		return stdin.Close()
	}
	if each != nil {
		each(h, send)
	}
	return nil
}

func TestPersonWithoutTerminal(t *testing.T) {
	b := newBench(t)
	h := b.person(execmeta.Instruction{}, execmeta.Terminal{}, func(h *heard, send func(frame.Kind, []byte)) {
		if h.stdout == "" && h.stderr == "" {
			send(frame.Input, []byte("typed\n"))
			send(frame.Close, nil)
		}
	}, "sh", "-c", "cat; echo problem >&2; test -t 1; exit 255")
	if h.stdout != "typed\n" || h.stderr != "problem\n" || !h.exited || h.code != 255 || h.init != 0 {
		t.Errorf("%+v", h)
	}
}

func TestPersonOnTerminal(t *testing.T) {
	b := newBench(t)
	b.env = []string{"SECRET=hidden"}
	asked := 0
	h := b.person(execmeta.Instruction{Env: []string{"A=1", "PATH=/bin:/usr/bin"}, SecretEnv: []string{"SECRET"}},
		execmeta.Terminal{Columns: 91, Rows: 7, Env: []string{"A=2"}, Defaults: []string{"A=3", "TERM=vt52"}, Path: "/more", Shells: []string{"no-such-shell", "sh"}},
		func(h *heard, send func(frame.Kind, []byte)) {
			for _, step := range []struct{ when, text string }{
				{"", "PS1=; stty -echo; echo ready\n"},
				{"ready", "tty >/dev/null && stty size; echo \"$A $TERM $PATH $SECRET [$BLUMEOPS_EXEC$BLUMEOPS_TERMINAL]\"; echo next\n"},
				{"next", "exit 9\n"},
			}[asked:] {
				if !strings.Contains(h.stdout, step.when+"\r\n") && step.when != "" {
					break
				}
				asked++
				send(frame.Input, []byte(step.text))
			}
		})
	for _, want := range []string{"\n7 91\r\n", "2 vt52 /bin:/usr/bin:/more hidden []\r\n"} {
		if !strings.Contains(h.stdout, want) {
			t.Errorf("%q does not have %q", h.stdout, want)
		}
	}
	if h.code != 9 || h.stderr != "" {
		t.Errorf("%+v", h)
	}
}

// Input after the end of the command is read and dropped, and the exit code is known before.
func TestInputAfterTheEnd(t *testing.T) {
	b := newBench(t)
	h := b.person(execmeta.Instruction{}, execmeta.Terminal{Columns: 80, Rows: 24}, func(h *heard, send func(frame.Kind, []byte)) {
		if h.stdout == "" {
			send(frame.Input, []byte(strings.Repeat("more than is read\n", 20000)))
		}
	}, "sh", "-c", "exit 3")
	if !h.exited || h.code != 3 || h.init != 0 {
		t.Errorf("exited %v, code %d, init %d", h.exited, h.code, h.init)
	}
}

// The end of the input hangs up a terminal.
func TestPersonLeaves(t *testing.T) {
	b := newBench(t)
	sent := false
	h := b.person(execmeta.Instruction{}, execmeta.Terminal{Columns: 80, Rows: 24}, func(h *heard, send func(frame.Kind, []byte)) {
		if strings.Contains(h.stdout, "here") && !sent {
			sent = true
			send(frame.Close, nil)
		}
	}, "sh", "-c", "echo here; sleep 1000")
	if !h.exited || h.code != 129 {
		t.Errorf("%+v", h)
	}
}

func TestCommandOfPersonIsMissing(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		in     execmeta.Instruction
		args   []string
		shells []string
		says   string
	}{
		{execmeta.Instruction{}, []string{"no-such-program"}, nil, "executable file not found"},
		{execmeta.Instruction{}, nil, []string{"no-such-shell"}, "executable file not found"},
		{execmeta.Instruction{}, nil, nil, "no command"},
		{execmeta.Instruction{User: "no-such-user"}, []string{"sh"}, nil, "no-such-user"},
	} {
		h := b.person(c.in, execmeta.Terminal{Shells: c.shells}, nil, c.args...)
		if text := h.stderr + h.complaint; !strings.Contains(text, "no matching") && !strings.Contains(text, c.says) || h.exited && h.code != notFound || !h.exited && h.init == 0 {
			t.Errorf("%+v: %+v", c, h)
		}
	}
}
