package leak

import (
	"encoding/base64"
	"strings"
)

// A piece is an encoded part of a text, with its decoded text.
type piece struct {
	from, to int // offsets in the encoded text
	text     string
}

// The minimum and maximum length in bytes of a decoded piece: shorter ones are mostly words, longer ones files.
const minEncoded, maxEncoded = 24, 64 << 10

// encoded are the pieces of base64 in a text that decode to ASCII.
func encoded(text string) (pieces []piece) {
	for from := 0; from < len(text); from++ {
		to := from
		for to < len(text) && isBase64(text[to]) {
			to++
		}
		if to-from >= minEncoded && to-from <= maxEncoded {
			if plain, ok := decode(text[from:to]); ok {
				for to < len(text) && text[to] == '=' {
					to++
				}
				pieces = append(pieces, piece{from, to, plain})
			}
		}
		from = to
	}
	return pieces
}

func isBase64(c byte) bool { return c == '+' || c == '/' || c == '-' || c == '_' || isAlphanumeric(c) }

// decode accepts both alphabets of base64, without padding.
func decode(s string) (string, bool) {
	if len(s)%4 == 1 {
		return "", false
	}
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(s, "-_") {
		encoding = base64.RawURLEncoding
	}
	// Most pieces are words or checksums: the beginning is enough to see that.
	if head, err := encoding.DecodeString(s[:minEncoded]); err != nil || !isASCII(head) {
		return "", false
	}
	plain, err := encoding.DecodeString(s)
	return string(plain), err == nil && isASCII(plain)
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x7f || c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}

// decoded scans a piece in its context: the text around it may be the name that a rule requires.
func (s *scan) decoded(p piece) {
	const before, after = 100, 10
	from, to := max(0, p.from-before), min(len(s.text), p.to+after)
	lead := s.text[from:p.from]
	inner := scan{Scanner: s.Scanner, name: s.name, text: lead + p.text + s.text[p.to:to], skip: s.skip}
	inner.keywords(0, len(lead)+len(p.text))
	s.skip = inner.skip
	for _, f := range inner.found {
		if f.end <= len(lead) || f.Offset >= len(lead)+len(p.text) {
			continue // outside of the piece
		}
		outer := found{Match: Match{Offset: p.from, Rule: f.Rule}, start: p.from, end: p.to, line: around(s.text, p.from, p.to)}
		if !allows(s.allowed, s.name, outer) {
			s.keep(outer)
		}
	}
}
