package secret

import "strings"

// InAddress finds the user and the password that an address begins with, as in https://USER:PASSWORD@HOST/PATH or USER:PASSWORD@HOST. The
// secret is the password, or the whole where there is no colon: a token. ok is false for an address without them.
func InAddress(address string) (secret string, ok bool) {
	_, user, _, ok := splitAddress(address)
	if _, password, both := strings.Cut(user, ":"); both {
		return password, ok
	}
	return user, ok
}

// WithoutCredentials is an address for people to read: scheme, host and path.
func WithoutCredentials(address string) string {
	scheme, _, rest, ok := splitAddress(address)
	if !ok {
		return address
	}
	return scheme + "***@" + rest
}

// splitAddress cuts an address before and after the user with the password; ok is false if there are none.
func splitAddress(address string) (scheme, user, rest string, ok bool) {
	rest = address
	if before, after, has := strings.Cut(address, "://"); has {
		scheme, rest = before+"://", after
	}
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	at := strings.LastIndex(authority, "@")
	if at < 0 && !hasPort(authority) {
		at = strings.LastIndex(rest, "@") // the password holds a slash that is not escaped: what follows its user is no port
	}
	if at < 0 {
		return "", "", "", false
	}
	return scheme, rest[:at], rest[at+1:], true
}

// hasPort tells whether what follows the host is a port, or nothing.
func hasPort(authority string) bool {
	colon := strings.LastIndex(authority, ":")
	if colon < 0 || strings.HasSuffix(authority, "]") {
		return true
	}
	return !strings.ContainsFunc(authority[colon+1:], func(r rune) bool { return r < '0' || r > '9' })
}
