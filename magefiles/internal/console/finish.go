package console

import (
	"context"
	"errors"
	"fmt"

	"github.com/mattn/go-runewidth"
)

// Finish ends the view. After success one line is left. After a failure it shows the failed steps, their last lines, the exit code
// in err, and the path of the full log; Exit prints err itself, which has the reason.
func (v *View) Finish(err error) {
	v.mu.Lock()
	if v.closed {
		v.mu.Unlock()
		return
	}
	for _, s := range v.steps {
		s.flush()
	}
	v.closed = true
	if v.still != nil {
		v.still.Stop()
	}
	v.mu.Unlock()
	close(v.stop)
	v.redrawn.Wait()

	if closed := v.log.close(); closed != nil {
		v.console.Warn("the log is incomplete: " + closed.Error())
	}
	switch {
	case err == nil:
		v.sayDone()
	case !errors.Is(err, context.Canceled):
		v.sayFailed(err)
	}
}

func (v *View) sayDone() {
	elapsed, done := duration(v.now().Sub(v.begun)), counts(v.steps)
	if v.console.screen == nil {
		if done != "" {
			done = ", " + done
		}
		v.console.Note(fmt.Sprintf("done    %s (%s%s)", v.title, elapsed, done))
		return
	}
	v.console.emit(v.console.err, doneLine(v.title, elapsed, done, v.console.screen)+"\n")
}

// doneLine is the line that a live view leaves. On a narrow terminal it says less, to stay one line.
func doneLine(title, elapsed, done string, s *screen) string {
	mark := "ok"
	if s.look.unicode {
		mark = "✓"
	}
	columns, _ := s.terminal.size()
	text, used := s.look.green(mark)+" "+title, runewidth.StringWidth(mark+" "+title)
	for _, more := range []string{elapsed, done} {
		if used += 2 + len(more); more == "" || used > columns {
			break
		}
		text += s.look.dim("  " + more)
	}
	return text
}

func (v *View) sayFailed(err error) {
	failed := v.failed()
	for _, s := range failed {
		head := fmt.Sprintf("failed: %s (%s)", s.name, duration(s.ended.Sub(s.begun)))
		if code := exitCodeOf(err); code > 0 && len(failed) == 1 {
			head += fmt.Sprintf(", exit code %d", code)
		}
		if v.console.screen != nil {
			v.console.emit(v.console.err, v.console.screen.look.red(head)+"\n")
		} else {
			v.console.line(head)
		}
		for _, text := range s.tail {
			v.console.line("  | " + text)
		}
	}
	if path := v.log.name(); path != "" {
		v.console.line("full log: " + path)
	}
}

// failed are the failed steps to show: those with output, as other failed steps contain or follow them. If none has output, err
// says it all; a live view, which is erased, then at least shows their names.
func (v *View) failed() []*step {
	var all, spoke []*step
	for _, s := range v.steps {
		if s.state != Failed || s.cancelled() {
			continue
		}
		all = append(all, s)
		if len(s.tail) > 0 {
			spoke = append(spoke, s)
		}
	}
	if len(spoke) > 0 || v.console.screen == nil {
		return spoke
	}
	return all
}
