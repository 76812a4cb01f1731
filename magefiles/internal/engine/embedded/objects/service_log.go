package objects

import (
	"bytes"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/scrub"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

// logWriter is one stream of a service: its end is kept, and all of it is shown as it comes.
type logWriter struct {
	r      *runningService
	stream int           // 1 stdout, 2 stderr
	scrub  *scrub.Writer // nil: the secrets are replaced already
}

func (r *runningService) log(stream int) *logWriter { return &logWriter{r: r, stream: stream} }

// Write implements io.Writer. It never fails.
func (l *logWriter) Write(p []byte) (int, error) {
	if l.scrub != nil {
		return l.scrub.Write(p)
	}
	l.keep(p)
	return len(p), nil
}

// Close implements io.Closer.
func (l *logWriter) Close() error {
	if l.scrub != nil {
		return l.scrub.Close()
	}
	return nil
}

func (l *logWriter) keep(p []byte) {
	l.r.mu.Lock()
	l.r.out[l.stream-1].write(p)
	l.r.both.write(p)
	l.r.mu.Unlock()
	l.r.report(solver.Event{State: solver.Log, Stream: l.stream, Data: bytes.Clone(p)})
}

// scrubbedLog is the log after the secrets were replaced.
type scrubbedLog struct{ l *logWriter }

func (s scrubbedLog) Write(p []byte) (int, error) {
	s.l.keep(p)
	return len(p), nil
}

// say adds a line of the engine to the log.
func (r *runningService) say(line string) {
	r.report(solver.Event{State: solver.Log, Stream: 2, Data: []byte(line)})
}

// output is the end of a stream.
func (r *runningService) output(stream int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return text(r.out[stream-1].kept)
}

// lastLines are the last lines of both streams.
func (r *runningService) lastLines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return last(text(r.both.kept))
}

// tailBuffer keeps the end of what is written to it: at least maxStream bytes, at most twice as many.
type tailBuffer struct{ kept []byte }

func (t *tailBuffer) write(p []byte) {
	t.kept = append(t.kept, p...)
	if len(t.kept) > 2*maxStream {
		t.kept = append([]byte(nil), t.kept[len(t.kept)-maxStream:]...)
	}
}
