package markdown

import (
	"strings"
)

// directives are the rules that apply to each line: from the settings, and from the comments in the page.
type directives struct {
	settings *Settings
	masks    []uint64 // by line; nil if no comment changes anything
	every    uint64   // the rules that apply to all lines
}

func (w *directives) on(rule, line int) bool {
	if w.masks == nil {
		return w.settings.on&(1<<rule) != 0
	}
	return w.masks[line]&(1<<rule) != 0
}

func (w *directives) somewhere(rule int) bool { return w.every&(1<<rule) != 0 }

// actions are those of a comment <!-- markdownlint-ACTION RULE… -->. An action comes before each other action that is a prefix of it.
var actions = []string{"disable-next-line", "disable-line", "disable-file", "enable-file", "configure-file", "disable", "enable", "capture", "restore"}

// eachDirective calls do for every such comment in text.
func eachDirective(text string, do func(action, parameter string, offset int)) {
	whole := len(text)
	for {
		at := strings.Index(text, "<!--")
		if at < 0 {
			return
		}
		text = text[at+4:]
		rest := strings.TrimLeft(text, " \t\r\n")
		const name = "markdownlint-"
		if len(rest) < len(name) || !strings.EqualFold(rest[:len(name)], name) {
			continue
		}
		rest = rest[len(name):]
		action := actionOf(rest)
		if action == "" {
			continue
		}
		parameter, after, ok := strings.Cut(rest[len(action):], "-->")
		if !ok {
			return
		}
		do(action, parameter, whole-len(rest))
		text = after
	}
}

func actionOf(text string) string {
	for _, action := range actions {
		if len(text) >= len(action) && strings.EqualFold(text[:len(action)], action) {
			rest := text[len(action):]
			if strings.HasPrefix(rest, "-->") || rest != "" && strings.IndexByte(" \t\r\n", rest[0]) >= 0 {
				return action
			}
		}
	}
	return ""
}

// apply turns the rules that a comment names on or off, or all of them if it names none.
func apply(mask uint64, on bool, parameter string) uint64 {
	var named uint64
	fields := strings.Fields(parameter)
	if len(fields) == 0 {
		named = 1<<len(Rules) - 1
	}
	for _, name := range fields {
		for _, rule := range names()[strings.ToUpper(name)] {
			named |= 1 << rule
		}
	}
	if on {
		return mask | named
	}
	return mask &^ named
}

// readSwitches also returns the invalid settings in the page.
func readDirectives(s *source, settings *Settings) (*directives, []Problem) {
	w := &directives{settings: settings, every: settings.on}
	if !hasDirective(s.body[s.starts[0]:]) {
		return w, nil
	}
	found := w.configure(s)
	mask := w.settings.on
	for _, line := range s.raw {
		eachDirective(line, func(action, parameter string, _ int) {
			if name, ok := strings.CutSuffix(action, "able-file"); ok {
				mask = apply(mask, name == "en", parameter)
			}
		})
	}
	w.blocks(s, mask)
	for i, line := range s.raw {
		eachDirective(line, func(action, parameter string, _ int) {
			if action == "disable-line" {
				w.masks[i] = apply(w.masks[i], false, parameter)
			} else if action == "disable-next-line" && i+1 < len(w.masks) {
				w.masks[i+1] = apply(w.masks[i+1], false, parameter)
			}
		})
	}
	w.every = 0
	for _, mask := range w.masks {
		w.every |= mask
	}
	return w, found
}

func hasDirective(text string) bool {
	return strings.Contains(text, "markdownlint-") || strings.Contains(text, "MARKDOWNLINT-")
}

// configure takes <!-- markdownlint-configure-file {…} -->, which replaces the options of the rules that it names.
func (w *directives) configure(s *source) (found []Problem) {
	text := s.body[s.starts[0]:]
	eachDirective(text, func(action, parameter string, offset int) {
		if action != "configure-file" {
			return
		}
		r := &reader{settings: w.settings.clone()}
		r.parse(parameter)
		w.settings = r.settings
		line := len(s.front) + s.line(s.starts[0]+offset) + 1
		for _, problem := range r.problems {
			problem.Line, problem.Column = line, 0
			found = append(found, problem)
		}
	})
	return found
}

// blocks applies the comments that take effect from their line on.
func (w *directives) blocks(s *source, mask uint64) {
	w.masks = make([]uint64, len(s.raw))
	captured := mask
	for i, line := range s.raw {
		eachDirective(line, func(action, parameter string, _ int) {
			switch action {
			case "capture":
				captured = mask
			case "restore":
				mask = captured
			case "enable", "disable":
				mask = apply(mask, action == "enable", parameter)
			}
		})
		w.masks[i] = mask
	}
}
