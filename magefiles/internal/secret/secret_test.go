package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"testing"
	"text/template"
)

const (
	canaryName  = "op://homelab/zot/password"
	canaryValue = "c4nary-value-7f3a"
)

// noValue fails if text holds the value, plain or as fmt and encoders would write it.
func noValue(t *testing.T, how, text string) {
	t.Helper()
	decimal := strings.Trim(fmt.Sprint([]byte(canaryValue)), "[]")
	for _, form := range []string{
		canaryValue, decimal, hex.EncodeToString([]byte(canaryValue)), strings.ToUpper(hex.EncodeToString([]byte(canaryValue))),
		base64.StdEncoding.EncodeToString([]byte(canaryValue)), fmt.Sprintf("%#v", []byte(canaryValue)),
	} {
		if strings.Contains(text, form) {
			t.Errorf("%s: prints the value: %s", how, text)
		}
	}
}

func TestSecretPrintsAsItsName(t *testing.T) {
	s := New(canaryName, canaryValue)
	if s.Reveal() != canaryValue {
		t.Fatalf("Reveal: %q", s.Reveal())
	}
	for _, verb := range strings.Fields("%v %+v %#v %s %q %#q %x %X %#x %d %o %b %c %U %e %t %10s %-10.3s") {
		for kind, arg := range map[string]any{"value": s, "pointer": &s} {
			got := fmt.Sprintf(verb, arg)
			if got != canaryName {
				t.Errorf("%s of a %s: %q", verb, kind, got)
			}
		}
	}
}

// Where fmt cannot call a method (an unexported field, %p, %T), the name may be lost; the value must not be found.
func TestSecretInsideOtherValues(t *testing.T) {
	s := New(canaryName, canaryValue)
	type inner struct{ password Secret }
	type outer struct {
		Password *Secret
		List     []Secret
		Map      map[string]Secret
		in       inner
		pin      *inner
		any      any
	}
	value := outer{&s, []Secret{s}, map[string]Secret{"k": s}, inner{s}, &inner{s}, s}
	for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %p %T %w") {
		for how, arg := range map[string]any{"struct": value, "pointer": &value, "secret": s, "slice": []Secret{s}, "map": map[key]int{{&s}: 1}} {
			noValue(t, verb+" of a "+how, fmt.Sprintf(verb, arg))
		}
	}
}

// key wraps a Secret in something that can be the key of a map.
type key struct{ S *Secret }

func TestSecretInEncoders(t *testing.T) {
	s := New(canaryName, canaryValue)
	type document struct {
		Password Secret
		Pointer  *Secret
		List     []Secret
	}
	doc := document{s, &s, []Secret{s}}
	encoders := map[string]func() (string, error){
		"json": func() (string, error) { b, err := json.Marshal(doc); return string(b), err },
		"json map": func() (string, error) {
			b, err := json.Marshal(map[string]any{"a": s, "b": map[string]any{"c": &s}})
			return string(b), err
		},
		"xml": func() (string, error) { b, err := xml.Marshal(doc); return string(b), err },
		"gob": func() (string, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(doc)
			return b.String(), err
		},
		"text (yaml and others)": func() (string, error) { b, err := s.MarshalText(); return string(b), err },
		"slog text": func() (string, error) {
			var b bytes.Buffer
			slog.New(slog.NewTextHandler(&b, nil)).Info("m", "k", s, "p", &s, "any", slog.AnyValue(s), "group", slog.GroupValue(slog.Any("x", s)))
			return b.String(), nil
		},
		"slog json": func() (string, error) {
			var b bytes.Buffer
			slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "k", s, "doc", doc)
			return b.String(), nil
		},
		"log": func() (string, error) {
			var b bytes.Buffer
			log.New(&b, "", 0).Println(s, &s, doc)
			return b.String(), nil
		},
		"template": func() (string, error) {
			var b bytes.Buffer
			err := template.Must(template.New("").Parse("{{.Password}} {{printf \"%x\" .Password}} {{.}}")).Execute(&b, doc)
			return b.String(), err
		},
		"error": func() (string, error) {
			return errors.Join(fmt.Errorf("password %v", s), fmt.Errorf("%+v", doc)).Error(), nil
		},
	}
	for how, encode := range encoders {
		got, err := encode()
		if err != nil {
			t.Errorf("%s: %v", how, err)
		}
		noValue(t, how, got)
		if !strings.Contains(got, canaryName) {
			t.Errorf("%s: the name is not there: %q", how, got)
		}
	}
}

func TestZeroSecret(t *testing.T) {
	var s Secret
	if !s.IsZero() || s.Reveal() != "" || fmt.Sprint(s) != "" {
		t.Errorf("zero secret: %v %q", s.IsZero(), s.Reveal())
	}
}
