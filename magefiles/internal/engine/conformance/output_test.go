package conformance

import (
	"reflect"
	"strings"
	"testing"
)

// output is what the harness prints, shortened.
const output = `NOT COUNTED (differs from run to run on Dagger itself) container-basics exposed_ports
DIFFERS container-basics/user
  want {"R":"default = \"\"\nmissing = ERR \"a\"","E":null}
  got  {"R":"default = \"\"\nmissing = ERR \"b\"","E":null}
DIFFERS ids/id_load
  want {"R":"","E":{"type":"x"}}
  got  {"R":"","E":null}
NO RECORDING files new_one open new_one.json: no such file or directory
container-basics   38 of 39
ids                5 of 6
`

func parsed(t *testing.T) Results {
	t.Helper()
	r, err := Parse(strings.NewReader(output))
	if err != nil {
		t.Fatal(err)
	}
	r.All = []string{"container-basics/exposed_ports", "container-basics/user", "container-basics/labels", "files/rootfs", "ids/id_load"}
	return r
}

func TestParse(t *testing.T) {
	r := parsed(t)
	if got, want := r.NotCounted, []string{"container-basics/exposed_ports"}; !reflect.DeepEqual(got, want) {
		t.Errorf("not counted: %q, want %q", got, want)
	}
	if len(r.Differing) != 2 || len(r.Failed) != 1 {
		t.Errorf("differing %q, failed %q", r.Differing, r.Failed)
	}
	d := r.Differing["container-basics/user"]
	if want := "  want missing = ERR \"a\"\n  got  missing = ERR \"b\""; d.String() != want {
		t.Errorf("difference shown as\n%s\nwant\n%s", d, want)
	}
	inserted := Difference{Want: `{"R":"a\nb\nc","E":null}`, Got: `{"R":"a\nx\nb\nc","E":null}`}
	if inserted.String() != "  got  x" {
		t.Errorf("an inserted line is shown as\n%s", inserted)
	}
	if want := "  want error {\"type\":\"x\"}\n  got  error null"; r.Differing["ids/id_load"].String() != want {
		t.Errorf("difference shown as\n%s\nwant\n%s", r.Differing["ids/id_load"], want)
	}
}

func TestCounts(t *testing.T) {
	got := map[string]Count{}
	for _, c := range parsed(t).Counts() {
		got[c.Group] = c
	}
	for _, want := range []Count{{"container-basics", 1, 2}, {"files", 1, 1}, {"ids", 0, 1}, {"publish", 0, 0}} {
		if got[want.Group] != want {
			t.Errorf("%+v, want %+v", got[want.Group], want)
		}
	}
}

func differs(scenario string) Listed { return Listed{Scenario: scenario, Reason: "x"} }

func TestCheck(t *testing.T) {
	r := parsed(t)
	r.Failed = nil
	for _, c := range []struct {
		name   string
		listed []Listed
		wrong  []string // the beginning of each
	}{
		{"all listed", []Listed{differs("container-basics/user"), differs("ids/id_load")}, nil},
		{"one not listed", []Listed{differs("ids/id_load")}, []string{"container-basics/user: differs and is not listed"}},
		{"one the same", []Listed{differs("container-basics/user"), differs("ids/id_load"), differs("files/rootfs")}, []string{"files/rootfs: listed as a difference, but it is the same"}},
		{"one not counted", []Listed{differs("container-basics/user"), differs("ids/id_load"), differs("container-basics/exposed_ports")},
			[]string{"container-basics/exposed_ports: listed as a difference, but it is not counted"}},
		{"one the same sometimes", []Listed{differs("container-basics/user"), differs("ids/id_load"), {"files/rootfs", "x", true}}, nil},
		{"one that was not run", []Listed{differs("container-basics/user"), differs("ids/id_load"), differs("publish/other")}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrong := r.Check(c.listed)
			if len(wrong) != len(c.wrong) {
				t.Fatalf("wrong: %q, want %q", wrong, c.wrong)
			}
			for i, prefix := range c.wrong {
				if !strings.HasPrefix(wrong[i], prefix) {
					t.Errorf("wrong: %q, want it to begin %q", wrong[i], prefix)
				}
			}
		})
	}
	if wrong := parsed(t).Check([]Listed{differs("container-basics/user"), differs("ids/id_load")}); len(wrong) != 1 {
		t.Errorf("a scenario without a recording went unnoticed: %q", wrong)
	}
}

func TestParseListed(t *testing.T) {
	listed, err := ParseListed(strings.NewReader("# comment\n\nids/id_load: wording: the id's\nfiles/rootfs sometimes: random\n"))
	if want := []Listed{{"ids/id_load", "wording: the id's", false}, {"files/rootfs", "random", true}}; err != nil || !reflect.DeepEqual(listed, want) {
		t.Errorf("%v, %v; want %v", listed, err, want)
	}
	for text, part := range map[string]string{
		"ids/id_load":                       "differences.txt:1: \"ids/id_load\": expected",
		"ids/id_load:  ":                    `expected "group/name: reason"`,
		"id_load: x":                        `expected "group/name: reason"`,
		"modules/call: refused":             "group \"modules\" is not counted",
		"# c\nids/a: x\nids/b: y\nids/a: z": "differences.txt:4: ids/a is listed twice",
	} {
		if _, err := ParseListed(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: error %v, want it to hold %q", text, err, part)
		}
	}
}

func TestKnownCanBeRead(t *testing.T) {
	if _, err := Known(); err != nil {
		t.Error(err)
	}
}

func FuzzParseListed(f *testing.F) {
	f.Add("ids/a: b\n#\nfiles/c:d")
	f.Fuzz(func(t *testing.T, text string) {
		listed, err := ParseListed(strings.NewReader(text))
		if err != nil {
			return
		}
		var again strings.Builder
		for _, l := range listed {
			name := l.Scenario
			if l.Sometimes {
				name += " sometimes"
			}
			again.WriteString(name + ": " + l.Reason + "\n")
		}
		second, err := ParseListed(strings.NewReader(again.String()))
		if err != nil || !reflect.DeepEqual(listed, second) {
			t.Fatalf("%q became %v, and that %v, %v", text, listed, second, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(output)
	f.Add("DIFFERS \n  want x\n  got  y\nNOT COUNTED\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(strings.NewReader(text))
		if err != nil {
			return
		}
		for scenario, d := range r.Differing {
			if !strings.Contains(text, "DIFFERS "+scenario) {
				t.Errorf("%q differs, says no line of %q", scenario, text)
			}
			_ = d.String()
		}
	})
}
