package secret

import "strings"

// InAddress finds the user and the password at the start of an address, as in https://USER:PASSWORD@HOST/PATH or USER:PASSWORD@HOST. The
// secret is the password, or everything before the @ if there is no colon: a token. ok is false for an address without them.
func InAddress(address string) (secret string, ok bool) {
	user, ok := userOf(address)
	if _, password, both := strings.Cut(user, ":"); both {
		return password, ok
	}
	return user, ok
}

// userOf is the user with the password; ok is false if there are none.
func userOf(address string) (user string, ok bool) {
	rest := address
	if _, after, has := strings.Cut(address, "://"); has {
		rest = after
	}
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	at := strings.LastIndex(authority, "@")
	if at < 0 && !hasPort(authority) {
		at = strings.LastIndex(rest, "@") // the password holds a slash that is not escaped: the text after its user is not a port
	}
	if at < 0 {
		return "", false
	}
	return rest[:at], true
}

// hasPort reports whether a port, or nothing, follows the host.
func hasPort(authority string) bool {
	colon := strings.LastIndex(authority, ":")
	if colon < 0 || strings.HasSuffix(authority, "]") {
		return true
	}
	return !strings.ContainsFunc(authority[colon+1:], func(r rune) bool { return r < '0' || r > '9' })
}
