package console

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// modes are the modes of the user's terminal that a command in a container has changed. A command that is killed does not change them back.
type modes struct {
	mu   sync.Mutex
	rest string          // the end of the output so far, which may be the beginning of a sequence
	set  map[string]bool // by number
}

// private matches the sequence that changes modes.
var private = regexp.MustCompile(`\x1b\[\?([0-9;]+)([hl])`)

// longest is the length of the longest sequence that is noticed across two writes.
const longest = 32

// usual are the modes that a command may leave changed, with their usual state: the alternate screens, bracketed paste, reports of the mouse and of
// the focus, application cursor keys; the cursor is shown.
var usual = map[string]bool{
	"47": false, "1047": false, "1049": false, "2004": false, "1000": false, "1002": false, "1003": false, "1004": false, "1006": false, "1": false,
	"25": true,
}

// note notes the changes in a part of the output.
func (m *modes) note(p []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text := m.rest + string(p)
	for _, at := range private.FindAllStringSubmatch(text, -1) {
		for number := range strings.SplitSeq(at[1], ";") {
			if m.set == nil {
				m.set = map[string]bool{}
			}
			m.set[number] = at[2] == "h"
		}
	}
	m.rest = ""
	if i := strings.LastIndexByte(text, '\x1b'); i >= 0 && len(text)-i < longest {
		m.rest = text[i:]
	}
}

// undo is the text that sets all modes to their usual state.
func (m *modes) undo() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var text []string
	for number, on := range m.set {
		if want, known := usual[number]; known && on != want {
			text = append(text, "\x1b[?"+number+map[bool]string{true: "h", false: "l"}[want])
		}
	}
	slices.Sort(text)
	return strings.Join(text, "")
}
