package container_test

import (
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/container"
)

func TestHostileServices(t *testing.T) {
	bomb := "a: &a [x]\n"
	for range 20 {
		bomb += "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
	}
	for _, text := range []string{
		strings.Repeat("[", 1<<20), strings.Repeat("{a: ", 1<<18), strings.Repeat("- ", 1<<19), strings.Repeat("[", 200000), strings.Repeat("a: {", 50000), "services:\n" + strings.Repeat("- &a\n", 1<<15),
		bomb + "services: *b", "services: &a [*a]", "services: &a\n- name: *a", "", "\x00", "services:\n" + strings.Repeat("  - name: a\n", 1<<14),
	} {
		container.ParseServices(text)
	}
}

// For any text, each result has a place in it.
func FuzzServices(f *testing.F) {
	f.Add("services:\n  - name: docs\n    current-version: \"1.2\"\n    container: quartz\n  - {name: x, container: null}\n")
	f.Add("a: &a {name: b}\nservices: [*a, 1, {name: [c]}]")
	f.Fuzz(func(t *testing.T, text string) {
		list, problems := container.ParseServices(text)
		for _, s := range list {
			if s.Name == "" || s.Line < 1 || s.Column < 1 {
				t.Errorf("%+v", s)
			}
		}
		for _, p := range problems {
			if p.Message == "" || strings.Contains(p.Message, "\n") {
				t.Errorf("%+v", p)
			}
		}
	})
}
