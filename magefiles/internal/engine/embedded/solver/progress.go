package solver

import (
	"strings"
	"sync"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

// State is the kind of an Event.
type State int

// The states of a step. Log and Progress may come any number of times between Started and an end.
const (
	Started State = iota
	Cached
	Done
	Failed
	Log
	Progress
)

// Event is one report of BuildKit about a step while it works.
type Event struct {
	Step           string // stable id of the step
	Name           string // what it does, for people
	State          State
	Stream         int    // Log: 1 stdout, 2 stderr
	Data           []byte // Log
	Err            string // Failed
	Current, Total int64  // Progress: bytes
	Time           time.Time
}

// progress turns BuildKit's status streams into events; each step starts and ends once.
type progress struct {
	events func(Event)
	wg     sync.WaitGroup

	mu    sync.Mutex
	steps map[digest.Digest]*step
}

type step struct {
	name           string
	started, ended bool
	cached         bool // its result is from a cache; later reports are about its download
}

func newProgress(events func(Event)) *progress {
	return &progress{events: events, steps: map[digest.Digest]*step{}}
}

// follow returns a channel for the status of a build.
func (p *progress) follow() chan *client.SolveStatus {
	ch := make(chan *client.SolveStatus)
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		for st := range ch {
			if p.events != nil {
				p.handle(st)
			}
		}
	}()
	return ch
}

func (p *progress) wait() { p.wg.Wait() }

func (p *progress) handle(st *client.SolveStatus) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range st.Vertexes {
		p.vertex(v)
	}
	for _, s := range st.Statuses {
		p.events(Event{Step: s.Vertex.String(), Name: s.ID, State: Progress, Current: s.Current, Total: s.Total, Time: s.Timestamp})
	}
	for _, l := range st.Logs {
		name := ""
		if s := p.steps[l.Vertex]; s != nil {
			name = s.name
		}
		p.events(Event{Step: l.Vertex.String(), Name: name, State: Log, Stream: l.Stream, Data: l.Data, Time: l.Timestamp})
	}
}

func (p *progress) vertex(v *client.Vertex) {
	s := p.steps[v.Digest]
	if s == nil {
		s = &step{name: nameOf(v)}
		p.steps[v.Digest] = s
	}
	if s.ended {
		return // BuildKit also reports what it fetches for a result from the cache in the registry
	}
	s.cached = s.cached || v.Cached
	ev := Event{Step: v.Digest.String(), Name: s.name}
	if v.Started != nil && !s.started && !v.Cached {
		s.started = true
		ev.State, ev.Time = Started, *v.Started
		p.events(ev)
	}
	if v.Completed == nil {
		return
	}
	s.ended = true
	ev.Time = *v.Completed
	switch {
	case v.Error != "":
		ev.State, ev.Err = Failed, v.Error
	case s.cached:
		ev.State = Cached
	default:
		ev.State = Done
	}
	p.events(ev)
}

// nameOf is the name of a step for people. BuildKit's own steps for the cache in the registry have names that say how we use it.
func nameOf(v *client.Vertex) string {
	switch {
	case strings.HasPrefix(v.Name, "importing cache manifest from "):
		return "read the cache in the registry"
	case v.Name == "exporting cache to client directory":
		return "write the cache in the registry"
	}
	return v.Name
}
