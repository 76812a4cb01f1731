package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"

	"go.yaml.in/yaml/v3"
)

// FuzzPin checks the promises of Pin with any file and value, in another way than Pin's own check: it compares whole
// documents as Go values.
func FuzzPin(f *testing.F) {
	for _, text := range []string{
		docs,
		"kind: Pod\nspec: {containers: [{env: [{name: V, value: a}]}]}",
		"kind: Pod\r\nspec:\r\n  containers:\r\n  - env:\r\n    - name: V\r\n      value: 'a'' b' # c\r\n",
		"\uFEFFkind: Pod\nspec:\n  containers:\n  - env:\n    - {value: \"\\u00e4 \\\" b\", \"name\": V}",
		"? kind\n: Pod\n? spec\n: ? containers\n  : - env: [{name: V, value: x y}]\n",
		"kind: Pod\nspec:\n  containers:\n  - env:\n    - name: V # \u2028\n      value: a # ä\n...\n--- &a\n- *a\n",
		"kind: List\nitems: &i [{kind: List, items: *i}]",
	} {
		f.Add([]byte(text), "http://x.example/y-z_1.tar.gz?a=b")
		f.Add([]byte(text), "1e1")
		f.Add([]byte(text), "it's \"one\" \\ # two")
	}
	f.Fuzz(func(t *testing.T, text []byte, value string) {
		for _, place := range []Env{{Variable: "V"}, urlPlace} {
			checkPin(t, text, place, value)
		}
	})
}

func checkPin(t *testing.T, text []byte, place Env, value string) {
	given := bytes.Clone(text)
	out, err := File{"f.yaml", text}.Pin(Edit{place, value})
	if !bytes.Equal(given, text) {
		t.Fatal("its input was changed")
	}
	if err != nil {
		var known *Error
		if !errors.As(err, &known) || out != nil {
			t.Fatalf("error %v, output %q", err, out)
		}
		if known.Problem == "the change would alter more than the value, so nothing was changed" {
			t.Logf("not confirmed: %q", text)
		}
		return
	}
	after := File{"f.yaml", out}
	if found, err := after.Read(place); err != nil || found[0].Value != value {
		t.Fatalf("reads %v, %v; want %q", found, err, value)
	}
	if again, err := after.Pin(Edit{place, value}); err != nil || !bytes.Equal(again, out) {
		t.Fatalf("the second time: %q, %v; want %q", again, err, out)
	}
	if changed := bytes.TrimRight(middle(text, out), "\n"); bytes.ContainsAny(changed, "\r\n") {
		t.Fatalf("more than a line changed: %q", changed)
	}
	was, wasErr := values(text)
	is, isErr := values(out)
	if (wasErr == nil) != (isErr == nil) {
		t.Fatalf("%v before, %v after", wasErr, isErr)
	}
	if different := differences(was, is); wasErr == nil && (len(different) > 1 || len(different) == 1 && different[0] != value) {
		t.Fatalf("differences: %q, want %q at most", different, value)
	}
}

// middle is the part of b between the common beginning and the common end of a and b.
func middle(a, b []byte) []byte {
	start, end := 0, 0
	for start < min(len(a), len(b)) && a[start] == b[start] {
		start++
	}
	for end < min(len(a), len(b))-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	return b[start : len(b)-end]
}

func values(text []byte) (all []any, err error) {
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var v any
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
}

// differences are the values of b where it differs from a.
func differences(a, b any) (all []string) {
	if reflect.DeepEqual(a, b) {
		return nil
	}
	switch a := a.(type) {
	case []any:
		if b, ok := b.([]any); ok && len(a) == len(b) {
			for i := range a {
				all = append(all, differences(a[i], b[i])...)
			}
			return all
		}
	case map[string]any:
		if b, ok := b.(map[string]any); ok && len(a) == len(b) {
			for k := range a {
				all = append(all, differences(a[k], b[k])...)
			}
			return all
		}
	case map[any]any: // has a key that is not a string
		if b, ok := b.(map[any]any); ok && len(a) == len(b) {
			for k := range a {
				all = append(all, differences(a[k], b[k])...)
			}
			return all
		}
	}
	return []string{fmt.Sprint(b)}
}
