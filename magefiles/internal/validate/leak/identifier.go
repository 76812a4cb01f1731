package leak

import (
	"regexp"
	"strings"
	"sync"
)

// identifies says that a match of the generic rule is no credential by its form: the name of a secret, or the identifier of a query in a dashboard
// of Grafana. gitleaks allows names too, but only without digits.
func identifies(f found) bool {
	if f.Rule != "generic-api-key" {
		return false
	}
	before := f.whole[:max(0, strings.LastIndex(f.whole, f.secret))]
	words, says := words(f.secret)
	switch {
	case strings.HasPrefix(f.whole, "key") && (queryKey().MatchString(f.secret) || words > 1):
		return true
	case digest().MatchString(before):
		return true
	}
	return !strings.Contains(strings.ToLower(before), "passw") && words > 1 && says
}

// digest is the text before the hexadecimal digits of a digest, such as that of a certificate.
var digest = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\bsha(?:1|256|384|512):$`) })

// queryKey is the key that Grafana writes next to a query: "key": "Q-764060a2-b711-4170-8ecd-4432656108f8-0".
var queryKey = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^Q-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-\d{1,3}$`)
})

// wordOfName is a part of a name: letters, all of one case, and a few digits, such as s3, v2 or ED25519.
var wordOfName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:[a-z]{1,12}\d{0,2}|[A-Z]{1,12}\d{0,2}|(?i:ed25519|x25519|base64|sha256|sha512|rs256|hs256|oauth2|k[83]s\d{0,2}|\d{1,2}))$`)
})

// secretWords are words that a name of a secret has, and a credential does not.
var secretWords = map[string]bool{
	"secret": true, "secrets": true, "credential": true, "credentials": true, "creds": true, "key": true, "keys": true, "apikey": true, "token": true,
	"tokens": true, "password": true, "auth": true, "hmac": true,
}

// words are the number of words of a name, such as longhorn-s3-secret or ED25519_PRIVATE_KEY_HEX, with dashes between them; 0 if it is not a name.
// says is true if one of them says that it names a secret.
func words(text string) (n int, says bool) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		if !wordOfName().MatchString(word) {
			return 0, false
		}
		n++
		says = says || secretWords[strings.ToLower(word)]
	}
	return n, says
}
