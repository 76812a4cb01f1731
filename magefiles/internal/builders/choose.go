package builders

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// work is what an engine is chosen for: the platforms of a container.
type work struct {
	platforms []image.Platform
	programs  bool             // no command of another platform runs: each engine can do it
	tried     map[string]error // engines that failed to do it, and why
}

// choose returns the engine for the work, and counts a container there until release.
func (p *Pool) choose(ctx context.Context, w work) (string, error) {
	own := p.declaredFor(w.platforms[0])
	switch {
	case w.programs:
		own = p.all()
	case len(own) == 0:
		own = []string{Here}
	}
	if address, ok := p.take(ctx, own, w); ok {
		p.tell(own, address, w, "")
		return address, nil
	}
	var others [][]string
	if w.programs || p.Emulate {
		rest := slices.DeleteFunc(p.all(), func(a string) bool { return slices.Contains(own, a) })
		others = [][]string{rest, {Here}}
	}
	for _, list := range others {
		address, ok := p.take(ctx, list, w)
		switch {
		case ok && w.programs:
			p.tell(own, address, w, "")
			return address, nil
		case ok:
			p.tell(own, address, w, " under emulation")
			return address, nil
		}
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if !w.programs && p.Emulate {
		own = slices.Concat(append([][]string{own}, others...)...) // each has its reason
	}
	return "", p.none(own, w)
}

// take counts a container on the least loaded engine that can do the work: the one with the fewest containers of this run, then the one with the
// fewest builds, then the first. ok is false if there is none.
func (p *Pool) take(ctx context.Context, list []string, w work) (best string, ok bool) {
	turn := p.turn(w)
	turn.Lock()
	defer turn.Unlock()
	for ctx.Err() == nil {
		equal := p.leastLoaded(list, w)
		if len(equal) == 0 {
			return "", false
		}
		if best, ok = p.fewestBuilds(ctx, equal, w); ok {
			p.mu.Lock()
			p.load[best]++
			p.mu.Unlock()
			return best, true
		}
	}
	return "", false
}

// turn is held while an engine is chosen for such work, so that two containers do not see the same load.
func (p *Pool) turn(w work) *sync.Mutex {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.turns == nil {
		p.turns, p.load, p.down, p.told = map[string]*sync.Mutex{}, map[string]int{}, map[string]error{}, map[string]bool{}
	}
	key := w.platforms[0].String()
	if p.turns[key] == nil {
		p.turns[key] = &sync.Mutex{}
	}
	return p.turns[key]
}

// leastLoaded are the engines with the fewest containers of this run, without those that failed.
func (p *Pool) leastLoaded(list []string, w work) (equal []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	least := math.MaxInt
	for _, address := range list {
		switch n := p.load[address]; {
		case p.reason(address, w) != nil || n > least:
		case n < least:
			least, equal = n, []string{address}
		default:
			equal = append(equal, address)
		}
	}
	return equal
}

// fewestBuilds checks engines, records those that fail, and returns the one of the others with the fewest builds.
func (p *Pool) fewestBuilds(ctx context.Context, list []string, w work) (best string, ok bool) {
	builds := make([]int, len(list))
	var checks sync.WaitGroup
	for i, address := range list {
		checks.Go(func() {
			err := p.Check(ctx, address, w.runs())
			switch {
			case err != nil:
				builds[i] = math.MaxInt
				if ctx.Err() == nil {
					p.fail(address, w, err)
				}
			case len(list) > 1:
				builds[i] = p.Builds(ctx, address)
			}
		})
	}
	checks.Wait()
	least := math.MaxInt
	for i, n := range builds {
		if n < least {
			best, least, ok = list[i], n, true
		}
	}
	return best, ok
}

// runs is the platform whose commands the work runs; the zero value for none.
func (w work) runs() image.Platform {
	if w.programs {
		return image.Platform{}
	}
	return w.platforms[0]
}

// reason is why an engine cannot do the work; nil if no reason is known. The caller holds p.mu.
func (p *Pool) reason(address string, w work) error {
	if err := cmp.Or(w.tried[address], p.down[address]); err != nil {
		return err
	}
	return p.down[address+" "+w.runs().String()]
}

// fail records that an engine failed, or that it cannot run commands of a platform.
func (p *Pool) fail(address string, w work, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := address
	var platform *PlatformError
	if errors.As(err, &platform) {
		key += " " + w.runs().String()
	}
	if p.down[key] == nil {
		p.down[key] = err
	}
}

// tell warns, once, that a builder failed and which engine builds in its place.
func (p *Pool) tell(own []string, address string, w work, how string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, failed := range own {
		reason := p.reason(failed, w)
		if reason == nil {
			continue
		}
		line := fmt.Sprintf("%s: %s: %v; building on %s%s", image.JoinPlatforms(w.platforms), named(failed), w.say(reason), named(address), how)
		if !p.told[line] {
			p.told[line] = true
			p.Warn(line)
		}
	}
}

// say is the text of a reason, without the platform that the line begins with.
func (w work) say(reason error) string {
	return strings.TrimPrefix(reason.Error(), image.JoinPlatforms(w.platforms)+": ")
}

func named(address string) string {
	if address == Here {
		return "the engine of this machine"
	}
	return "builder " + address
}

// none is the error if no engine can do the work.
func (p *Pool) none(own []string, w work) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(own) == 1 && own[0] == Here {
		return p.reason(Here, w)
	}
	failed := &Error{Platforms: image.JoinPlatforms(w.platforms), emulated: p.Emulate || w.programs}
	for _, address := range own {
		failed.Engines = append(failed.Engines, named(address))
		failed.Reasons = append(failed.Reasons, p.reason(address, w))
	}
	return failed
}

func (p *Pool) declaredFor(platform image.Platform) (addresses []string) {
	for _, b := range p.Declared {
		if b.Platform == platform {
			addresses = append(addresses, b.Address)
		}
	}
	return addresses
}

// all are the addresses of all builders, each once.
func (p *Pool) all() (addresses []string) {
	for _, b := range p.Declared {
		if !slices.Contains(addresses, b.Address) {
			addresses = append(addresses, b.Address)
		}
	}
	return addresses
}
