package toml_test

import (
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/toml"
)

const text = `top = 1
[tools]
go = "1.26.8" # a comment
"npm:ä" = 'x'
dagger = { version = "0.21.8", os = ["linux"] }
a.b = true
[[list]]
x = """
long"""
[[list]]
x = 1
[list.sub]
y = 2026-01-01
[[list.sub2]]
[[list.sub2]]
z = 1
`

func TestSettings(t *testing.T) {
	want := map[string]string{
		"top": "1", "tools": "", "tools.go": "1.26.8", "tools.npm:ä": "x", "tools.dagger": "", "tools.dagger.version": "0.21.8", "tools.dagger.os": "",
		"tools.a.b": "true", "list[1]": "", "list[1].x": "long", "list[2]": "", "list[2].x": "1", "list[2].sub": "", "list[2].sub.y": "2026-01-01",
		"list[2].sub2[1]": "", "list[2].sub2[2]": "", "list[2].sub2[2].z": "1",
	}
	found := toml.Settings(text)
	if len(found) != len(want) {
		t.Errorf("found %d, want %d: %+v", len(found), len(want), found)
	}
	for _, s := range found {
		if value, ok := want[s.Key]; !ok || value != s.Value {
			t.Errorf("%+v, want %q", s, value)
		}
		last := s.Key[strings.LastIndex(s.Key, ".")+1:]
		last, _, _ = strings.Cut(strings.TrimPrefix(last, "npm:"), "[")
		if !strings.HasPrefix(strings.TrimPrefix(text[s.At:], `"npm:`), last) {
			t.Errorf("%s is at %q", s.Key, text[s.At:])
		}
		if s.Value != "" && !strings.HasPrefix(strings.TrimLeft(text[s.ValueAt:], "\n"), s.Value) {
			t.Errorf("%s has its value at %q", s.Key, text[s.ValueAt:])
		}
	}
}

func TestFind(t *testing.T) {
	found := toml.Settings(text)
	for key, want := range map[string]string{
		"tools.go": "tools.go", "tools.gone": "tools", "list[2].sub2[2].z": "list[2].sub2[2].z", "list[1].no": "list[1]", "toolset.x": "", "": "",
	} {
		if s, ok := toml.Find(found, key); s.Key != want || ok != (want != "") {
			t.Errorf("%s: %+v", key, s)
		}
	}
}

func TestHostile(t *testing.T) {
	for _, text := range []string{strings.Repeat("[", 1<<20), "a=" + strings.Repeat("[", 1<<20), "a=" + strings.Repeat("{a=", 1<<18), strings.Repeat("a.", 1<<17) + "b=1"} {
		toml.Settings(text)
	}
}

// For any text, positions are within it.
func FuzzSettings(f *testing.F) {
	f.Add(text)
	f.Add("a = [[1, {b = 2}]]\n[a.b]\nc = '''x'''")
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range toml.Settings(text) {
			if s.At < 0 || s.At > len(text) || s.ValueAt < 0 || s.ValueAt > len(text) {
				t.Errorf("%+v", s)
			}
		}
	})
}
