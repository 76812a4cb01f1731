// Package toml finds the positions of settings in a TOML file. It is pure: text goes in, positions come out.
package toml

import (
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// Setting is a key with its value, or a table.
type Setting struct {
	// Key is the whole key, with dots: tools.go. The second [[a.b]] is a.b[2].
	Key string
	// Value is the text of a value: a string without its quotes, "" for tables, arrays and inline tables.
	Value string
	// At is the offset of the key's last part. ValueAt is the offset of the value, after the quote of a string; 0 if it has no text.
	At, ValueAt int
}

// Settings lists the settings of a TOML file, in its order, up to the first syntax error.
func Settings(text string) []Setting {
	data := []byte(text)
	w := walker{tables: map[string]int{}}
	w.parser.Reset(data)
	prefix := ""
	for w.parser.NextExpression() {
		e := w.parser.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			key, at := w.key("", e.Key())
			if e.Kind == unstable.ArrayTable {
				w.tables[key]++
				key = fmt.Sprintf("%s[%d]", key, w.tables[key])
			}
			prefix = key
			w.found = append(w.found, Setting{Key: key, At: at})
		case unstable.KeyValue:
			w.keyValue(prefix, e)
		}
	}
	return w.found
}

type walker struct {
	parser unstable.Parser
	tables map[string]int // of an array of tables, by key
	found  []Setting
}

// maxKey is the maximum length of a key in bytes, far above real keys. The rest of a longer key is dropped, because each part would copy
// it.
const maxKey = 1000

// key joins the parts of a key. An array of tables means its last table.
func (w *walker) key(prefix string, parts unstable.Iterator) (key string, at int) {
	key = prefix
	for parts.Next() {
		if len(key) > maxKey {
			break
		}
		if n := w.tables[key]; n > 0 {
			key = fmt.Sprintf("%s[%d]", key, n)
		}
		part := parts.Node()
		if key != "" {
			key += "."
		}
		key += string(part.Data)
		at = int(part.Raw.Offset)
	}
	return key, at
}

func (w *walker) keyValue(prefix string, e *unstable.Node) {
	key, at := w.key(prefix, e.Key())
	s := Setting{Key: key, At: at}
	value := e.Value()
	switch value.Kind {
	case unstable.InlineTable:
		w.found = append(w.found, s)
		for children := value.Children(); children.Next(); {
			w.keyValue(key, children.Node())
		}
		return
	case unstable.Array:
	case unstable.String:
		s.Value, s.ValueAt = string(value.Data), int(value.Raw.Offset)
		raw := string(w.parser.Raw(value.Raw))
		s.ValueAt += len(raw) - len(strings.TrimLeft(raw, `"'`))
	default:
		s.Value, s.ValueAt = string(value.Data), int(value.Raw.Offset)
	}
	w.found = append(w.found, s)
}

// Find is the setting with a key, otherwise the innermost table around it; ok is false if there is neither.
func Find(settings []Setting, key string) (found Setting, ok bool) {
	for _, s := range settings {
		inside := s.Key == key || strings.HasPrefix(key, s.Key) && strings.ContainsAny(key[len(s.Key):len(s.Key)+1], ".[")
		if inside && len(s.Key) > len(found.Key) {
			found, ok = s, true
		}
	}
	return found, ok
}
