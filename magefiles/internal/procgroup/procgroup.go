// Package procgroup runs commands, and ends all processes of a command when its context ends. Start starts a program that ends together with
// this process.
package procgroup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// Command is a program with its arguments.
type Command struct {
	Args   []string // the program first
	Dir    string
	Env    []string  // the whole environment: NAME=VALUE
	Output io.Writer // gets stdout and stderr, in the order of the writes
	// Grace is how long the process group may take to end after the context has; then it is killed. It also bounds the wait for output
	// that the command leaves open in background processes.
	Grace time.Duration
}

// Run runs the command with nothing on its standard input, in a process group of its own. When ctx ends the group is interrupted, as
// Ctrl-C does, and then killed; the error is the cause of ctx. A command that fails is an *exec.ExitError.
func (c Command) Run(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.Dir, c.Env, c.Output, c.Output
	err := Run(ctx, cmd, c.Grace)
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("program %s not found on PATH", c.Args[0])
	}
	return err
}

// Run does the same for a command of exec.CommandContext with ctx, if its output must be handled in another way.
func Run(ctx context.Context, cmd *exec.Cmd, grace time.Duration) error {
	cmd.WaitDelay = grace
	Interruptible(cmd)
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		Kill(cmd) // the processes that ignored the interrupt
		return context.Cause(ctx)
	case errors.Is(err, exec.ErrWaitDelay):
		return nil
	}
	return err
}

// Split parses a command line like a shell, but only words, quotes and $VARIABLES. It refuses anything else that only a shell
// can do.
func Split(line string, env func(string) string) ([]string, error) {
	var args []string
	for word, err := range syntax.NewParser().WordsSeq(strings.NewReader(line)) {
		if err == nil {
			err = plain(word)
		}
		arg := ""
		if err == nil {
			arg, err = expand.Literal(&expand.Config{Env: expand.FuncEnviron(env)}, word)
		}
		if err != nil {
			return nil, fmt.Errorf("%q: expected one program with its arguments (%s): put shell syntax into a script, and use the script",
				line, strings.ReplaceAll(err.Error(), "\n", " "))
		}
		args = append(args, arg)
	}
	switch {
	case len(args) == 0 || args[0] == "":
		return nil, fmt.Errorf("%q: expected a program with its arguments (example: `go test ./...`)", line)
	case strings.Contains(args[0], "="):
		return nil, fmt.Errorf("%q: expected a program first: use `env %s …` to set a variable", line, args[0])
	}
	return args, nil
}

// plain refuses a word that is more than text and variables. A backslash must be quoted, as expand.Literal treats every backslash as
// quoted.
func plain(word *syntax.Word) error {
	var found error
	for _, part := range word.Parts {
		if text, ok := part.(*syntax.Lit); ok && strings.Contains(text.Value, `\`) {
			return fmt.Errorf("%s: backslash outside quotes", text.Pos())
		}
	}
	syntax.Walk(word, func(node syntax.Node) bool {
		switch n := node.(type) {
		case nil, *syntax.Word, *syntax.Lit, *syntax.DblQuoted:
			return true
		case *syntax.SglQuoted:
			if !n.Dollar {
				return true
			}
		case *syntax.ParamExp:
			if n.Short {
				return true
			}
		}
		found = fmt.Errorf("%s: expected a word, a text in quotes or $NAME", node.Pos())
		return false
	})
	return found
}
