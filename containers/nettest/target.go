package main

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Kind is the kind of a target, which decides the hops of its probe.
type Kind string

// The kinds of target, by scheme. A bare HOST[:PORT] has the kind host.
const (
	KindHost     Kind = "host"     // HTTPS, any answer below 500
	KindDNS      Kind = "dns"      // the name
	KindTCP      Kind = "tcp"      // the connection
	KindTLS      Kind = "tls"      // the certificate
	KindHTTP     Kind = "http"     // a page over plain HTTP
	KindHTTPS    Kind = "https"    // a page over TLS
	KindRegistry Kind = "registry" // the registry API, over TLS unless the host is named insecure or is loopback
)

// schemes are the kinds that are valid before ://.
var schemes = []Kind{KindDNS, KindTCP, KindTLS, KindHTTP, KindHTTPS, KindRegistry}

// Target is a target of a probe. Create it with [ParseTarget], which checks its parts; other code does not check them again.
type Target struct {
	Kind Kind
	Host string // a name in lower case, or an IP address without brackets
	Port string // "" if none was given; the default depends on the kind and on whether TLS is used
	Path string // with the query; begins with "/" for http and https, "" for every other kind
}

// String returns the target in the form that [ParseTarget] reads.
func (t Target) String() string {
	host := t.Host
	switch {
	case t.Port != "":
		host = net.JoinHostPort(t.Host, t.Port)
	case strings.Contains(t.Host, ":"):
		host = "[" + t.Host + "]"
	}
	if t.Kind == KindHost {
		return host
	}
	return string(t.Kind) + "://" + host + t.Path
}

// ParseTarget parses HOST, HOST:PORT or SCHEME://HOST[:PORT][/PATH], where HOST is a DNS name or an IP address. Errors name the target and
// the expected form. A user name or password in the target is refused and does not appear in the error.
func ParseTarget(s string) (Target, error) {
	scheme, rest, found := strings.Cut(s, "://")
	if authority, _, _ := strings.Cut(cmp.Or(rest, scheme), "/"); strings.Contains(authority, "@") {
		return Target{}, fmt.Errorf("target %q: take the user name and password out, nettest sends none", redact(s))
	}
	if !found {
		return parseBare(s)
	}
	kind := Kind(strings.ToLower(scheme))
	if !slices.Contains(schemes, kind) {
		return Target{}, fmt.Errorf("target %q: scheme %q is not known: dns, tcp, tls, http, https or registry", redact(s), scheme)
	}
	if kind == KindHTTP || kind == KindHTTPS {
		return parseURL(kind, s)
	}
	return parseEndpoint(kind, s, rest)
}

// parseBare parses HOST[:PORT].
func parseBare(s string) (Target, error) {
	if strings.Contains(s, "/") {
		return Target{}, fmt.Errorf("target %q: to ask for a path write https://%s", redact(s), redact(s))
	}
	host, port, err := parseHostPort(s)
	if err != nil {
		return Target{}, fmt.Errorf("target %q: %w", redact(s), err)
	}
	return Target{Kind: KindHost, Host: host, Port: port}, nil
}

// parseEndpoint parses the rest after the scheme of kinds without a path: dns, tcp, tls and registry.
func parseEndpoint(kind Kind, s, rest string) (Target, error) {
	host, port, err := parseHostPort(strings.TrimSuffix(rest, "/"))
	switch {
	case err != nil:
		return Target{}, fmt.Errorf("target %q: %w", redact(s), err)
	case kind == KindTCP && port == "":
		return Target{}, fmt.Errorf("target %q: tcp needs a port: tcp://%s:PORT", s, host)
	case kind == KindDNS && port != "":
		return Target{}, fmt.Errorf("target %q: dns takes a name alone: dns://%s", s, host)
	}
	return Target{Kind: kind, Host: host, Port: port}, nil
}

// parseURL parses http and https targets, the only ones with a path.
func parseURL(kind Kind, s string) (Target, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Target{}, fmt.Errorf("target %q is not a URL: expected %s://HOST[:PORT]/PATH", redact(s), kind)
	}
	host, port, err := parseHostPort(u.Host)
	if err != nil {
		return Target{}, fmt.Errorf("target %q: %w", redact(s), err)
	}
	path := (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery, ForceQuery: u.ForceQuery}).RequestURI()
	return Target{Kind: kind, Host: host, Port: port, Path: path}, nil
}

// parseHostPort splits HOST[:PORT]; an IPv6 address with a port must be in brackets.
func parseHostPort(s string) (host, port string, err error) {
	host = s
	if ip, isIP := parseIP(s); isIP {
		return ip, "", nil
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host, port = s[:i], s[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
			return "", "", fmt.Errorf("port %q: expected a number from 1 to 65535", port)
		}
	}
	if ip, isIP := parseIP(host); isIP && (port == "" || host[0] == '[' || !strings.Contains(ip, ":")) {
		return ip, port, nil
	}
	host = strings.ToLower(host)
	if err := checkName(host); err != nil {
		return "", "", err
	}
	return host, port, nil
}

// parseIP returns the canonical form of an IP address. An IPv6 address may be in brackets.
func parseIP(s string) (string, bool) {
	inner, bracketed := strings.CutPrefix(s, "[")
	if bracketed {
		var closed bool
		if inner, closed = strings.CutSuffix(inner, "]"); !closed {
			return "", false
		}
	}
	ip, err := netip.ParseAddr(inner)
	if err != nil || ip.Zone() != "" || bracketed && ip.Is4() {
		return "", false
	}
	return ip.String(), true
}

// checkName accepts host names as resolvers do (RFC 1123), with the underscore that service names use.
func checkName(name string) error {
	if name == "" {
		return fmt.Errorf("there is no host name: expected HOST or HOST:PORT")
	}
	if len(name) > 253 {
		return fmt.Errorf("a host name of %d characters: the limit is 253", len(name))
	}
	for _, label := range strings.Split(strings.TrimSuffix(name, "."), ".") {
		if !isLabel(label) {
			return fmt.Errorf("host %q: expected a DNS name (letters, digits, '-' and '.'; other scripts in their xn-- form) or an IP address", name)
		}
	}
	return nil
}

func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}) < 0
}

// redact removes the user name and password from a target for messages.
func redact(s string) string {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return s
	}
	scheme, _, found := strings.Cut(s, "://")
	if !found || len(scheme) > at {
		return "…" + s[at:]
	}
	return scheme + "://…" + s[at:]
}
