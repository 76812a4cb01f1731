package console

import (
	"encoding/binary"
	"slices"
	"sync"
)

// Mask stands in output where a secret stood.
const Mask = "***"

// minSecret is the length in bytes from which a value, or a line of a value of several lines, is redacted. Anything shorter would turn
// up in ordinary text all the time, and masking it there would say where it is.
const minSecret = 4

const filterBits = 18

// Redactor knows the secrets of this run, in every form in which they are likely to be printed. The zero value knows none.
// It may be used by several goroutines.
//
// What is replaced: the value and each line of it, as it is, base64 (standard and URL alphabet, also in the middle of a longer
// encoded text and wrapped at 64 or 76 columns), hexadecimal, escaped for URLs, JSON and Go. Values that overlap are masked together.
// What is not: values shorter than 4 bytes; a value cut up, compressed, encrypted or encoded some other way; a value that holds "*".
type Redactor struct {
	mu    sync.RWMutex
	known map[string]bool // values that were learned
	forms map[string]bool // what to look for
	// byPrefix has the forms by their first 4 bytes, longest first; filter tells quickly that there are none.
	byPrefix map[uint32][]string
	filter   [1 << (filterBits - 6)]uint64
	// starts has the first one, two and three bytes of every form: text that ends so may go on as a secret.
	starts map[string]bool
}

// Learn makes value a secret: what passes from now on is free of it. It reports whether it will be redacted: a value shorter than
// 4 bytes is not, and the caller may want to say so.
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
// Unless final, it stops at a place from which the text so far could go on as a secret; held is that place and stillCovered how much
// from there on belongs to a secret that is masked already.
func (r *Redactor) scan(out, text []byte, covered int, final bool) (_ []byte, held, stillCovered int) {
	plain := covered // text before it is dealt with
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

// match finds the longest form that rest begins with, and says whether rest may be the beginning of a longer one.
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
