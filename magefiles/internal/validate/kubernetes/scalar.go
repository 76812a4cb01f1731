package kubernetes

import (
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// oldBooleans are the additional booleans of YAML 1.1, which Kubernetes accepts.
var oldBooleans = []string{"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"}

// typeOf is a scalar's type as Kubernetes reads it: string, integer, number or boolean; old for the booleans of YAML 1.1.
func typeOf(n *yaml.Node) string {
	switch n.ShortTag() {
	case "!!bool":
		return "boolean"
	case "!!int":
		return "integer"
	case "!!float":
		return "number"
	}
	if n.Style == 0 && n.Tag == "!!str" && slices.Contains(oldBooleans, n.Value) { // neither quoted nor tagged
		return "old"
	}
	return "string"
}

// describe describes a node: a list, the text "5".
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	switch typeOf(n) {
	case "boolean", "integer", "number":
		return "the " + typeOf(n) + " " + shorten(n.Value)
	case "old":
		return "the boolean " + n.Value
	}
	return "the string " + quote(n.Value)
}

func (w *walk) scalar(s *schema, n *yaml.Node) {
	if n.Kind != yaml.ScalarNode {
		w.report(n, "is %s, expected %s", describe(n), s.wanted())
		return
	}
	is := typeOf(n)
	switch {
	case s.Format == "quantity":
		w.quantity(n, is)
		return
	case s.IntOrString, s.Format == "int-or-string":
		if is == "string" || is == "integer" {
			return
		}
	case s.Type == "string" && is == "string":
		w.text(s, n)
		return
	case s.Type == "string" && is == "old":
		w.report(n, "is %s, which YAML 1.1 reads as a boolean, expected a string in quotes", n.Value)
		return
	case s.Type == "boolean" && (is == "boolean" || is == "old"):
		return
	case s.Type == "integer" && (is == "integer" || is == "number" && isWhole(n)), s.Type == "number" && (is == "number" || is == "integer"):
		w.number(s, n)
		return
	}
	w.report(n, "is %s, expected %s", describe(n), s.wanted())
}

// wanted describes the values that a schema requires.
func (s *schema) wanted() string {
	switch {
	case s.Format == "quantity":
		return "a quantity such as 500m or 1Gi"
	case s.IntOrString, s.Format == "int-or-string":
		return "an integer or a string"
	case s.Type == "string":
		return "a string"
	case s.Type == "integer":
		return "an integer"
	}
	return "a " + s.Type
}

func isWhole(n *yaml.Node) bool {
	var f float64
	return n.Decode(&f) == nil && f == math.Trunc(f) && !math.IsInf(f, 0)
}

// quantityForm is the syntax of resource.ParseQuantity in Kubernetes' apimachinery.
var quantityForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$`)
})

func (w *walk) quantity(n *yaml.Node, is string) {
	if is == "integer" || is == "number" || is == "string" && quantityForm().MatchString(n.Value) {
		return
	}
	w.report(n, "is %s, expected a quantity such as 500m or 1Gi", describe(n))
}

func (w *walk) number(s *schema, n *yaml.Node) {
	var f float64
	if n.Decode(&f) != nil {
		return
	}
	switch {
	case s.Format == "int32" && (f < math.MinInt32 || f > math.MaxInt32):
		w.report(n, "is %s, expected an integer of 32 bits", shorten(n.Value))
	case s.Minimum != nil && f < *s.Minimum:
		w.report(n, "is %s, expected at least %v", shorten(n.Value), *s.Minimum)
	case s.Maximum != nil && f > *s.Maximum:
		w.report(n, "is %s, expected at most %v", shorten(n.Value), *s.Maximum)
	default:
		w.enum(s, n)
	}
}

func (w *walk) text(s *schema, n *yaml.Node) {
	length := utf8.RuneCountInString(n.Value)
	switch {
	case s.Format == "byte" && !isBase64(n.Value):
		w.report(n, "is not base64: data requires base64, plain text goes to stringData")
	case s.MinLength != nil && length < *s.MinLength:
		w.report(n, "has %d characters, expected at least %d", length, *s.MinLength)
	case s.MaxLength != nil && length > *s.MaxLength:
		w.report(n, "has %d characters, expected at most %d", length, *s.MaxLength)
	case s.Pattern != "" && s.matcher() != nil && !s.matcher().MatchString(n.Value):
		w.report(n, "is %s, expected a match of %s", quote(n.Value), shorten(s.Pattern))
	default:
		w.enum(s, n)
	}
}

// isBase64 accepts placeholders of other tools.
func isBase64(s string) bool {
	if strings.ContainsAny(s, "<>${}") {
		return true
	}
	_, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	return err == nil
}

// enum accepts the empty text: Kubernetes then uses the default.
func (w *walk) enum(s *schema, n *yaml.Node) {
	if len(s.Enum) == 0 || n.Value == "" {
		return
	}
	options := make([]string, len(s.Enum))
	for i, option := range s.Enum {
		switch option := option.(type) {
		case float64:
			options[i] = strconv.FormatFloat(option, 'f', -1, 64)
		default:
			options[i] = fmt.Sprint(option)
		}
		if options[i] == n.Value {
			return
		}
	}
	w.report(n, "is %s, expected one of %s%s", quote(n.Value), shorten(strings.Join(options, ", ")), hint(n.Value, options))
}
