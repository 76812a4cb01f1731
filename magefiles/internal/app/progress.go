package app

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
)

// progress shows how the work goes, from its first step on. Arguments that are refused
// come before that, and show nothing.
type progress struct {
	console *console.Console
	logs    string    // folder of the full logs
	title   string    // the target's name, until the target knows more
	begun   time.Time // of the whole, where it is a task's step

	mu      sync.Mutex
	view    *console.View
	current string // the task's step
}

func (p *progress) event(e console.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.view == nil {
		view, err := p.console.View(p.title, p.logs)
		if err != nil {
			p.console.Warn(err.Error())
			if view, err = p.console.View(p.title, ""); err != nil {
				return // there is nothing to see then; the work goes on
			}
		}
		p.view = view
	}
	p.view.Event(e)
}

// step is a task's or a pipeline's step.
func (p *progress) step(name string) (end func(error)) {
	if name == p.title {
		p.begun = time.Now()
		return func(error) {} // the whole is not a part
	}
	p.mu.Lock()
	p.current = name
	p.mu.Unlock()
	p.event(console.Event{Step: name, Name: name, State: console.Started})
	return func(err error) {
		e := console.Event{Step: name, State: console.Done}
		if err != nil {
			e.State = console.Failed // why is said once, at the end, by mage
		}
		if errors.Is(err, context.Canceled) {
			e.Err = context.Canceled.Error()
		}
		p.event(e)
	}
}

// engineEvent passes on an event of the embedded engine.
func (p *progress) engineEvent(e engine.Event) { p.engineStep(e, e.Step, e.Name) }

// builderEvent passes on an event of a builder: two of them may have the same step.
func (p *progress) builderEvent(address string, e engine.Event) {
	name := e.Name
	if _, host, ok := strings.Cut(address, "://"); ok && name != "" {
		name = host + ": " + name
	}
	p.engineStep(e, address+" "+e.Step, name)
}

func (p *progress) engineStep(e engine.Event, step, name string) {
	p.event(console.Event{
		Step: step, Name: name, State: states[e.State], Stream: e.Stream, Data: e.Data,
		Err: e.Err, Current: e.Current, Total: e.Total, Time: e.Time, Minor: strings.HasPrefix(e.Name, "[internal]"),
	})
}

// states are the engine's, in the words of the console.
var states = map[engine.State]console.State{
	engine.Started: console.Started, engine.Cached: console.Cached, engine.Done: console.Done,
	engine.Failed: console.Failed, engine.Log: console.Log, engine.Progress: console.Progress,
}

// pushed tells how far a push is.
func (p *progress) pushed(at registry.Progress) {
	p.event(console.Event{Step: p.now(), State: console.Progress, Current: at.Done, Total: at.Total})
}

// failed is what a command said that failed, where the engine does not show it by itself.
// It belongs to the task's step, which ends with it; to the whole where there is none.
func (p *progress) failed(stdout, stderr string) {
	step := p.now()
	if step == "" {
		step = p.title
		p.event(console.Event{Step: step, State: console.Started, Time: p.begun})
		defer p.event(console.Event{Step: step, State: console.Failed})
	}
	p.failedIn(step, stdout, stderr)
}

// failedIn is the same for a step that is known.
func (p *progress) failedIn(step, stdout, stderr string) {
	for i, text := range []string{stdout, stderr} {
		p.event(console.Event{Step: step, State: console.Log, Stream: i + 1, Data: []byte(text)})
	}
}

// Write takes what the real Dagger says while it works.
func (p *progress) Write(text []byte) (int, error) {
	p.event(console.Event{Step: "dagger", Name: "Dagger", State: console.Log, Stream: 2, Data: text})
	return len(text), nil
}

// line is what a server or a program reports, shown in the step that runs.
func (p *progress) line(text string) {
	p.event(console.Event{Step: p.now(), State: console.Log, Stream: 2, Data: []byte(text + "\n")})
}

func (p *progress) now() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// finish ends what is shown. It may be called again.
func (p *progress) finish(err error) {
	p.mu.Lock()
	view := p.view
	p.mu.Unlock()
	if view != nil {
		view.Finish(err)
	}
}
