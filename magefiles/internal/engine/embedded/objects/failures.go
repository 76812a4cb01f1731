package objects

import "sync"

// failures counts how often something of the session failed, by name.
type failures struct {
	mu    sync.Mutex
	times map[string]int
}

func (f *failures) add(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.times == nil {
		f.times = map[string]int{}
	}
	f.times[name]++
}

func (f *failures) count(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.times[name]
}
