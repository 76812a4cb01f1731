package console

import (
	"encoding/binary"
	"slices"
	"sync"
)

// Mask replaces a secret in output.
const Mask = "***"

// minSecret is the length in bytes from which a value, or a line of a value of several lines, is redacted. Shorter values occur in
// ordinary text all the time, and masks there would reveal them.
const minSecret = 4

const filterBits = 18

// Redactor knows the secrets of this run, in every form in which they are likely to be printed. The zero value knows none.
// It may be used by several goroutines.
//
// It replaces the value and each line of it, as it is, base64 (standard and URL alphabet, also in the middle of a longer
// encoded text and wrapped at 64 or 76 columns), hexadecimal, escaped for URLs, JSON and Go. Values that overlap are masked together.
// It does not replace values shorter than 4 bytes, values that are cut up, compressed, encrypted or encoded in another way, and
// values that hold "*".
type Redactor struct {
	mu    sync.RWMutex
	known map[string]bool // values that were learned
	forms map[string]bool // the texts to search
	// byPrefix has the forms by their first 4 bytes, longest first; filter quickly rules most prefixes out.
	byPrefix map[uint32][]string
	filter   [1 << (filterBits - 6)]uint64
	// starts has the first one, two and three bytes of every form: text with such an end may continue as a secret.
	starts map[string]bool
}

// Learn makes value a secret: it is masked from now on. It reports whether the value will be redacted: a value shorter than 4
// bytes is not, and the caller may report that.
func (r *Redactor) Learn(value string) bool {
	forms := formsOf(value)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[value] || len(forms) == 0 {
		return r.known[value]
	}
	if r.known == nil {
		r.known, r.forms, r.starts = map[string]bool{}, map[string]bool{}, map[string]bool{}
		r.byPrefix = map[uint32][]string{}
	}
	r.known[value] = true
	for _, form := range forms {
		r.add(form)
	}
	return true
}

func (r *Redactor) add(form string) {
	if r.forms[form] {
		return
	}
	r.forms[form] = true
	for n := 1; n < minSecret; n++ {
		r.starts[form[:n]] = true
	}
	prefix := binary.LittleEndian.Uint32([]byte(form))
	slot := filterSlot(prefix)
	r.filter[slot>>6] |= 1 << (slot & 63)
	same := r.byPrefix[prefix]
	at, _ := slices.BinarySearchFunc(same, len(form), func(other string, n int) int { return n - len(other) })
	r.byPrefix[prefix] = slices.Insert(same, at, form)
}

// filterSlot spreads prefixes over the filter (Knuth's multiplicative hash).
func filterSlot(prefix uint32) uint32 { return prefix * 2654435761 >> (32 - filterBits) }

// String is s with each secret masked.
func (r *Redactor) String(s string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.forms) == 0 {
		return s
	}
	out, _, _ := r.scan(nil, []byte(s), 0, true)
	return string(out)
}

// scan appends text to out with secrets masked. The first covered bytes of text belong to a secret whose mask was written before.
// Unless final, it stops at a place from which the text so far could continue as a secret; held is that place, and stillCovered is
// the number of bytes after it that belong to a secret already masked.
func (r *Redactor) scan(out, text []byte, covered int, final bool) (_ []byte, held, stillCovered int) {
	plain := covered // text before this index is done
	for i := 0; i < len(text); i++ {
		var found int
		var open bool
		if rest := text[i:]; len(rest) >= minSecret {
			prefix := binary.LittleEndian.Uint32(rest)
			if slot := filterSlot(prefix); r.filter[slot>>6]&(1<<(slot&63)) == 0 {
				continue
			}
			found, open = r.match(prefix, rest)
		} else {
			open = r.starts[string(rest)]
		}
		if found > 0 && i >= plain {
			out = append(append(out, text[plain:i]...), Mask...)
		}
		if found > 0 {
			plain = max(plain, i+found)
		}
		if open && !final {
			if plain < i {
				out, plain = append(out, text[plain:i]...), i
			}
			return out, i, plain - i
		}
	}
	return append(out, text[min(plain, len(text)):]...), len(text), 0
}

// match finds the longest form that rest begins with, and reports whether rest may be the beginning of a longer one.
func (r *Redactor) match(prefix uint32, rest []byte) (found int, open bool) {
	for _, form := range r.byPrefix[prefix] { // longest first
		switch {
		case len(form) > len(rest):
			open = open || form[:len(rest)] == string(rest)
		case string(rest[:len(form)]) == form:
			return len(form), open
		}
	}
	return 0, open
}
