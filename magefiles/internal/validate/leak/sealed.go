package leak

import (
	"regexp"
	"strings"
	"sync"
)

var (
	sealedKind    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^kind:[ \t]*["']?SealedSecret\b`) })
	encryptedData = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^([ \t]*)encryptedData:[ \t]*\r?$`) })
)

// span is a part of a text, in bytes.
type span struct{ from, to int }

// sealed are the encrypted values of the SealedSecrets in a YAML text: nobody but the cluster can read them.
func sealed(text string) (spans []span) {
	if !strings.Contains(text, "SealedSecret") {
		return nil
	}
	start := 0
	for _, document := range strings.SplitAfter(text, "\n---") {
		if sealedKind().MatchString(document) {
			for _, at := range encryptedData().FindAllStringSubmatchIndex(document, -1) {
				spans = append(spans, span{start + at[1], start + at[1] + indented(document[at[1]:], at[3]-at[2])})
			}
		}
		start += len(document)
	}
	return spans
}

// indented is the length of the lines that are indented by more than a number of characters, at the beginning of a text after the end of a line.
func indented(text string, by int) (n int) {
	for line := range strings.SplitAfterSeq(text, "\n") {
		if deep := len(line) - len(strings.TrimLeft(line, " \t")); strings.TrimSpace(line) != "" && deep <= by {
			break
		}
		n += len(line)
	}
	return n
}

// isSealed says that a match of the generic rule is an encrypted value.
func (s *scan) isSealed(f found) bool {
	if f.Rule != "generic-api-key" {
		return false
	}
	if !s.sealedRead {
		s.sealedRead, s.sealed = true, sealed(s.text)
	}
	for _, one := range s.sealed {
		if one.from <= f.Offset && f.Offset < one.to {
			return true
		}
	}
	return false
}
