package console

import (
	"fmt"
	"slices"
	"strings"
)

// Format is how a result is printed: the value of the flag -format.
type Format string

// These formats exist for every target with the flag.
const (
	Text Format = "text"
	JSON Format = "json"
)

// ParseFormat reads the value of -format; "" is text. Targets may have more formats than text and json.
func ParseFormat(s string, more ...Format) (Format, error) {
	known := append([]Format{Text, JSON}, more...)
	if s == "" {
		return Text, nil
	}
	if slices.Contains(known, Format(s)) {
		return Format(s), nil
	}
	names := make([]string, len(known))
	for i, f := range known {
		names[i] = string(f)
	}
	return "", BadInput(fmt.Errorf("-format=%s: expected one of %s", s, strings.Join(names, ", ")))
}
