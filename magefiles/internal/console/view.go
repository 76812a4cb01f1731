package console

import (
	"cmp"
	"sync"
	"time"
)

const (
	redrawEvery = 100 * time.Millisecond
	quietFor    = 2 * time.Second  // plain lines report the start of a step only if it takes longer
	stillEvery  = 30 * time.Second // a running step is reported at this interval, if nothing else is printed
)

// View shows the progress of work, from its events. It may be used by several goroutines.
type View struct {
	console *Console
	title   string
	now     func() time.Time
	quiet   time.Duration // quietFor, except in tests

	mu     sync.Mutex
	begun  time.Time
	byID   map[string]*step
	steps  []*step // in the order of their first event
	log    *logFile
	closed bool

	still *time.Timer // until a plain line names the running step; nil on a terminal

	stop    chan struct{} // closed to end the redrawing
	redrawn sync.WaitGroup
}

// View begins to show work with a title for people. All output of all steps goes to a file of its own in the folder logs, if one is named; the
// folder is made if it is missing. Only the owner may read the file, and old ones are deleted. Call Finish when the work has ended.
func (c *Console) View(title, logs string) (*View, error) {
	v := &View{console: c, title: oneLine(title, c.redactor), now: time.Now, quiet: quietFor, byID: map[string]*step{}, stop: make(chan struct{})}
	v.begun = v.now()
	if logs != "" {
		log, err := newLogFile(logs, v.title, c.redactor)
		if err != nil {
			return nil, err
		}
		v.log = log
	}
	if c.screen != nil {
		v.redrawn.Go(v.redraw)
	} else {
		v.mu.Lock()
		v.still = time.AfterFunc(stillEvery, v.sayStill)
		v.mu.Unlock()
	}
	return v, nil
}

// redraw keeps the live view current until the view stops.
func (v *View) redraw() {
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	for {
		select {
		case <-v.stop:
			v.console.show(nil)
			return
		case <-tick.C:
			width, height := v.console.screen.terminal.size()
			v.mu.Lock()
			lines := frame(v.title, v.steps, v.begun, v.now(), width, height, v.console.screen.look)
			v.mu.Unlock()
			v.console.show(lines)
		}
	}
}

func (c *Console) show(lines []line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused {
		c.screen.lines = lines
		return
	}
	c.screen.show(c.err, lines)
	_ = c.err.Flush()
}

// Event processes an event of a step.
func (v *View) Event(e Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	at := e.Time
	if at.IsZero() {
		at = v.now()
	}
	s := v.step(e, at)
	switch e.State {
	case Started:
		v.start(s, at)
	case Cached, Done, Failed:
		v.end(s, e, at)
	case Log:
		// A stream never fails.
		_, _ = v.stream(s, e.Stream).masked.Write(e.Data)
	case Progress:
		s.current, s.total = e.Current, e.Total
	}
}

func (v *View) step(e Event, at time.Time) *step {
	s := v.byID[e.Step]
	if s == nil {
		s = &step{begun: at}
		v.byID[e.Step] = s
		v.steps = append(v.steps, s)
	}
	s.minor = s.minor || e.Minor
	s.aloud = s.aloud || e.Aloud
	if e.Name != "" || s.name == "" {
		s.name = oneLine(cmp.Or(e.Name, e.Step), v.console.redactor)
	}
	return s
}

func (v *View) start(s *step, at time.Time) {
	if s.state == Started {
		return
	}
	again := s.state != ""
	s.state, s.begun, s.current, s.total = Started, at, 0, 0
	if again { // an engine may start a step several times; only the first is shown
		return
	}
	v.log.line(v.now().Sub(v.begun), "start   "+s.name)
	switch {
	case v.console.screen != nil:
	case v.console.verbose:
		v.note("start   " + s.name)
	default:
		s.announce = time.AfterFunc(v.quiet, func() { v.sayStarted(s) })
	}
}

// note prints a plain line, and starts the timer of sayStill again.
func (v *View) note(sentence string) {
	v.console.Note(sentence)
	if v.still != nil {
		v.still.Reset(stillEvery)
	}
}

// sayStill reports the step that is still running: the one that began last.
func (v *View) sayStill() {
	v.mu.Lock()
	defer v.mu.Unlock()
	var newest *step
	for _, s := range v.steps {
		if s.state == Started && !s.minor && (newest == nil || !s.begun.Before(newest.begun)) {
			newest = s
		}
	}
	switch {
	case v.closed:
	case newest == nil || v.now().Sub(newest.begun) <= quietFor: // its start is reported
		v.still.Reset(stillEvery)
	default:
		v.note("still   " + newest.name + " (" + duration(v.now().Sub(newest.begun)) + ")")
	}
}

// sayStarted reports the start of a step that takes long.
func (v *View) sayStarted(s *step) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s.state == Started && !v.closed {
		s.minor = false
		v.note("start   " + s.name)
	}
}

func (v *View) end(s *step, e Event, at time.Time) {
	s.flush()
	if s.state == e.State {
		return
	}
	s.state, s.ended, s.reason = e.State, at, oneLine(e.Err, v.console.redactor)
	if s.announce != nil {
		s.announce.Stop()
	}
	elapsed := " (" + duration(at.Sub(s.begun)) + ")"
	switch {
	case e.State == Cached:
		v.say("cached ", s, "")
	case e.State == Done:
		v.say("done   ", s, elapsed)
	case s.cancelled():
		v.say("stopped", s, elapsed)
	default:
		v.log.line(v.now().Sub(v.begun), "reason: "+s.reason)
		s.minor = false
		v.say("failed ", s, elapsed) // the reason is printed once, at the end
	}
}

// say writes the result of a step to the log, and as a plain line if progress is shown in plain lines.
func (v *View) say(word string, s *step, more string) {
	v.log.line(v.now().Sub(v.begun), word+" "+s.name+more)
	if v.console.screen == nil && (!s.minor || v.console.verbose) {
		v.note(word + " " + s.name + more)
	}
}

func (v *View) stream(s *step, number int) *stream {
	i := 0
	if number == 2 {
		i = 1
	}
	if s.streams[i] == nil {
		s.streams[i] = newStream(v.console.redactor, func(text string) {
			s.keep(text)
			v.log.line(v.now().Sub(v.begun), s.name+" | "+text)
			if s.aloud && v.console.screen == nil {
				v.note(s.name + " | " + text)
			} else {
				v.console.Detail(s.name + " | " + text)
			}
		})
	}
	return s.streams[i]
}
