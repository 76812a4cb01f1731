package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a value that prints as its reference, with every verb and encoder. Only Reveal gives the value.
// A zero Secret holds none.
type Secret struct {
	name string
	// reveal holds the value in a closure: unlike for a string, fmt (which skips methods for unexported fields and for %p)
	// and dumpers that walk values by reflection find only the address of code there.
	reveal func() string
}

// New makes a secret from a value that did not come from a Resolver, such as a generated one. The name is printed.
func New(name, value string) Secret {
	return Secret{name: name, reveal: func() string { return value }}
}

// Reveal returns the value. Call it only where the value is passed on, and keep the Secret until then.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether s holds no value.
func (s Secret) IsZero() bool { return s.reveal == nil }

// String is the name of the secret, never its value.
func (s Secret) String() string { return s.name }

// Format prints the name for every verb and flag of package fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.name) }

// LogValue is the name, for package slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.name) }

// MarshalText is the name; the encoders of JSON, XML and YAML use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.name), nil }

// MarshalBinary is the name; encoding/gob and the binary encoders use it.
func (s Secret) MarshalBinary() ([]byte, error) { return []byte(s.name), nil }
