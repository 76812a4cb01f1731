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
	if strings.HasPrefix(f.whole, "key") && queryKey().MatchString(f.secret) {
		return true
	}
	return !strings.Contains(strings.ToLower(f.whole[:max(0, strings.LastIndex(f.whole, f.secret))]), "passw") && namesSecret(f.secret)
}

// queryKey is the key that Grafana writes next to a query: "key": "Q-764060a2-b711-4170-8ecd-4432656108f8-0".
var queryKey = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^Q-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-\d{1,3}$`)
})

// wordOfName is a part of a name: letters, all of one case, and a few digits, such as s3, v2 or ED25519.
var wordOfName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:[a-z]{1,12}\d{0,2}|[A-Z]{1,12}\d{0,2}|(?i:ed25519|x25519|base64|sha256|sha512|rs256|hs256|oauth2|\d{1,2}))$`)
})

// secretWords are words that a name of a secret has, and a credential does not.
var secretWords = map[string]bool{
	"secret": true, "secrets": true, "credential": true, "credentials": true, "creds": true, "key": true, "keys": true, "apikey": true, "token": true,
	"tokens": true, "password": true, "auth": true, "hmac": true,
}

// namesSecret says that a text is the name of a secret, such as longhorn-s3-secret or ED25519_PRIVATE_KEY_HEX: words between dashes, of which one
// says so.
func namesSecret(text string) bool {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	says := false
	for _, word := range words {
		if !wordOfName().MatchString(word) {
			return false
		}
		says = says || secretWords[strings.ToLower(word)]
	}
	return says && len(words) > 1
}
