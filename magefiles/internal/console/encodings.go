package console

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// formsOf lists the forms that a secret may have in output. No form holds a line end, so a complete line never waits for more.
func formsOf(value string) []string {
	whole := strings.TrimSpace(value)
	lines := strings.FieldsFunc(whole, func(r rune) bool { return r == '\n' || r == '\r' })
	var forms []string
	for _, line := range lines {
		if line = strings.TrimSpace(line); len(line) >= minSecret {
			forms = append(forms, line)
			forms = append(forms, encodings(line)...)
		}
	}
	if len(lines) > 1 && len(whole) >= minSecret {
		forms = append(forms, encodings(whole)...)
	}
	if len(whole) >= minSecret && whole != value {
		forms = append(forms, encodings(value)...)
	}
	return withoutShort(forms)
}

func withoutShort(forms []string) []string {
	kept := forms[:0]
	for _, form := range forms {
		if len(form) >= minSecret && !strings.ContainsAny(form, "\r\n") {
			kept = append(kept, form)
		}
	}
	return kept
}

func encodings(v string) []string {
	forms := []string{
		hex.EncodeToString([]byte(v)), strings.ToUpper(hex.EncodeToString([]byte(v))),
		jsonEscaped(v, true), jsonEscaped(v, false), unquoted(strconv.Quote(v)), unquoted(strconv.QuoteToASCII(v)),
	}
	for _, escaped := range []string{url.QueryEscape(v), url.PathEscape(v), strings.TrimPrefix(url.UserPassword("", v).String(), ":")} {
		forms = append(forms, escaped, lowerPercent(escaped))
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		forms = append(forms, base64Forms(encoding, []byte(v))...)
	}
	return forms
}

// jsonEscaped is v as it is written between the quotes of a JSON string, with < > & escaped or not.
func jsonEscaped(v string, html bool) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(html)
	if err := encoder.Encode(v); err != nil { // a string always encodes
		return ""
	}
	return unquoted(strings.TrimSuffix(b.String(), "\n"))
}

func unquoted(s string) string { return s[1 : len(s)-1] }

var percent = regexp.MustCompile(`%[0-9A-F]{2}`)

// lowerPercent is a URL form with %2f instead of Go's %2F.
func lowerPercent(s string) string { return percent.ReplaceAllStringFunc(s, strings.ToLower) }

// base64Forms are v encoded alone, wrapped at the widths of PEM and MIME, and as it appears in the middle of a longer text such as
// `user:password`. There it may begin at any of three places in a group; the characters at its ends depend on the neighbours.
func base64Forms(encoding *base64.Encoding, v []byte) []string {
	padded, raw := encoding.EncodeToString(v), encoding.WithPadding(base64.NoPadding)
	forms := []string{padded, raw.EncodeToString(v)}
	for offset := range 3 {
		encoded := raw.EncodeToString(append(make([]byte, offset), v...))
		from := (offset*8 + 5) / 6
		to := (offset + len(v)) * 8 / 6
		forms = append(forms, encoded[from:to]) // of 4 bytes at least 4 characters are left
	}
	for _, width := range []int{64, 76} {
		for rest := padded; len(padded) > width && rest != ""; rest = rest[min(width, len(rest)):] {
			forms = append(forms, rest[:min(width, len(rest))])
		}
	}
	return forms
}
