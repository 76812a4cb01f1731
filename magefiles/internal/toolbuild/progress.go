package toolbuild

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"time"
)

// reportInterval is the interval of a build's progress lines; a variable only for the tests.
var reportInterval = 10 * time.Second

// lastLines is the number of lines of the go command's output that an error contains.
const lastLines = 12

// progress follows one go command.
type progress struct {
	builder    Builder
	label      string
	total      int // packages of the program; 0 while they are being listed
	done       int // compiled packages
	downloaded int // modules
	said       []string
}

// run returns the command's output. Its error holds the last lines of the command's messages.
func (p *progress) run(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var out bytes.Buffer
	cmd.Stdout = &out
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", errors.Join(err, context.Cause(ctx))
	}
	p.follow(stderr)
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", errors.Join(err, errors.New(strings.Join(p.said, "\n")))
	}
	return out.String(), nil
}

// follow reads to the end, and reports progress from time to time, also without output, because a linker prints nothing.
func (p *progress) follow(stderr io.Reader) {
	lines := make(chan string)
	go func() {
		defer close(lines)
		r := bufio.NewReader(stderr)
		for {
			line, err := r.ReadString('\n')
			if line != "" {
				lines <- strings.TrimRight(line, "\r\n")
			}
			if err != nil {
				return
			}
		}
	}()
	start := time.Now()
	tick := time.NewTicker(reportInterval)
	defer tick.Stop()
	for {
		select {
		case line, more := <-lines:
			if !more {
				return
			}
			p.parseLine(line)
		case <-tick.C:
			p.report(time.Since(start))
		}
	}
}

// parseLine processes a line of the go command: a package that is compiled, a module that is downloaded, or otherwise a possible part of the reason of
// a failure.
func (p *progress) parseLine(line string) {
	switch {
	case strings.HasPrefix(line, "go: downloading "):
		p.downloaded++
	case line != "" && !strings.ContainsAny(line, " \t"):
		p.done++
	default:
		p.said = append(p.said, line)
		if len(p.said) > lastLines {
			p.said = p.said[1:]
		}
	}
}

func (p *progress) report(since time.Duration) {
	if p.total == 0 {
		p.builder.logf("building %s: %d modules downloaded, %.0f s", p.label, p.downloaded, since.Seconds())
		return
	}
	p.builder.logf("building %s: %d of at most %d packages, %.0f s", p.label, p.done, p.total, since.Seconds())
}
