// Package console prints results, notes and progress of targets with secrets masked, and makes errors with a hint and an exit status.
//
// The rules:
//
//   - A result goes to stdout: one line, for scripts; with -format=json one JSON document. Nothing else goes there. If it cannot be
//     written, the target fails.
//   - Everything else goes to stderr: notes, details (only with -v), warnings (always), and progress.
//   - No target asks a question. The terminal is read only while a command in a container has it: see Attend.
//   - On a terminal progress is a few lines that are updated in place and erased at the end; one line stays. In CI, in a pipe, with
//     TERM=dumb, with -v or in the background it is plain lines.
//   - Colour only in the live view, and not when NO_COLOR is set. Other programs' output loses its control characters before it is shown.
//   - An error is printed once, by mage, from the result of Exit. The failed steps are shown before it: their last lines and the path of the full log.
//   - All output passes a Redactor. Foreign text in it, such as a folder's name or a compiler's output, can neither control a terminal nor be a
//     command to the runner of a CI job: see safe. Only Commands writes commands.
package console

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// Options say where a Console prints, and how much.
type Options struct {
	Stdout, Stderr io.Writer
	// Stdin is the user's terminal, for Attend; nil for none.
	Stdin *os.File
	// Env looks up an environment variable; it is asked for CI, TERM, NO_COLOR and the locale. Nil means that none is set.
	Env func(name string) string
	// Verbose adds details and every line of every step.
	Verbose bool
	// Redactor masks secrets; nil makes a new one, see Console.Redactor.
	Redactor *Redactor
}

// Console prints to the user who ran the target. It may be used by several goroutines.
type Console struct {
	verbose   bool
	redactor  *Redactor
	stdin     *os.File
	tty       *os.File // of UseTTY; nil if it was not opened
	ci        bool
	attending chan struct{} // full while a command has the terminal

	mu     sync.Mutex
	out    *Writer
	err    *Writer
	screen *screen // nil if progress is plain lines
	paused bool    // a command has the terminal
	held   []held  // what was printed since
}

// New makes a Console. From then on a write to a pipe without a reader fails, and does not end the process: running work
// continues to its end. If stderr is a terminal, the process also ignores SIGTTOU, so that a line written from the background
// does not stop it (with `stty tostop`).
func New(o Options) *Console {
	if o.Env == nil {
		o.Env = func(string) string { return "" }
	}
	if o.Redactor == nil {
		o.Redactor = &Redactor{}
	}
	c := &Console{
		verbose: o.Verbose, redactor: o.Redactor, out: o.Redactor.Writer(o.Stdout), err: o.Redactor.Writer(o.Stderr),
		stdin: o.Stdin, ci: o.Env("CI") != "", attending: make(chan struct{}, 1),
	}
	handleBrokenPipe()
	if terminal := terminalOf(o.Stderr); terminal != nil {
		ignoreTerminalStop()
		if !o.Verbose && mayBeLive(o.Env) && terminal.foreground() {
			c.screen = &screen{terminal: terminal, look: lookOf(o.Env)}
		}
	}
	return c
}

func mayBeLive(env func(string) string) bool {
	term := env("TERM")
	return env("CI") == "" && term != "" && term != "dumb"
}

// Redactor masks all output; call its Learn with each secret as it is read.
func (c *Console) Redactor() *Redactor { return c.redactor }

// Commands prints a result of workflow commands, such as ::error, which the runner of a CI job obeys. Foreign text in them must not begin a line.
// The error is a *ResultError.
func (c *Console) Commands(lines string) error {
	return asResult(c.emit(c.out, strings.TrimRight(c.redactor.String(plain.Text(c.redactor.String(lines))), "\n")+"\n"))
}

// Result prints a target's result: one line on stdout. The error is a *ResultError.
func (c *Console) Result(line string) error { return c.result(strings.TrimRight(line, "\n") + "\n") }

// JSON prints a target's result as one JSON document on stdout, for -format=json. If it cannot be written the error is a *ResultError.
func (c *Console) JSON(v any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("write the result as JSON: %w", err)
	}
	return c.result(string(plain.JSON(b.Bytes())))
}

func (c *Console) result(text string) error { return asResult(c.print(c.out, text)) }

func asResult(err error) error {
	if err != nil {
		return &ResultError{err}
	}
	return nil
}

// ResultError says that a result could not be written to stdout. The work of the target is done.
type ResultError struct{ Err error }

func (e *ResultError) Error() string { return "write the result to stdout: " + e.Err.Error() }
func (e *ResultError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *ResultError) Hint() string {
	return "the work of the target is done; to get the result, run the command again with a writable stdout"
}

// Note prints a note on stderr. Its signature suits callbacks of other packages.
func (c *Console) Note(text string) { c.line(text) }

// Detail prints a detail on stderr, only with -v.
func (c *Console) Detail(text string) {
	if c.verbose {
		c.line(text)
	}
}

// Warn prints a warning on stderr: something that may need action, though the target continues.
func (c *Console) Warn(text string) { c.line("warning: " + withoutCredentials(text)) }

// line prints a line on stderr. An error of the write is ignored, as it cannot be reported.
func (c *Console) line(text string) { _ = c.print(c.err, strings.TrimRight(text, "\n")+"\n") }

// print writes whole lines, made safe by safe.
func (c *Console) print(w *Writer, text string) error { return c.emit(w, c.safe(text)) }

// emit writes whole lines whose parts are safe. A live view is erased for them and drawn again.
func (c *Console) emit(w *Writer, text string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused {
		c.held = append(c.held, held{w, text})
		return nil
	}
	if c.screen != nil {
		c.screen.erase(c.err)
		defer c.screen.draw(c.err)
	}
	return c.put(w, text)
}

// put writes a text at once.
func (c *Console) put(w *Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	return w.Flush()
}

// Exit returns the error that a target returns: that of the function Exit, with secrets masked. If ctx was ended by a signal (NotifyContext),
// the error says so instead of the failures that the signal caused.
func (c *Console) Exit(ctx context.Context, err error) error {
	var stopped *Stopped
	if err != nil && asStopped(context.Cause(ctx), &stopped) {
		err = stopped
	}
	ended, failed := Exit(err).(*exitError)
	if !failed {
		return nil
	}
	ended.text = c.safe(ended.text)
	return ended
}
