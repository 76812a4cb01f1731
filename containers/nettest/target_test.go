package main

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	for in, want := range map[string]Target{
		"registry.example":               {KindHost, "registry.example", "", ""},
		"Registry.Example:8443":          {KindHost, "registry.example", "8443", ""},
		"example.com.":                   {KindHost, "example.com.", "", ""},
		"10.0.0.1":                       {KindHost, "10.0.0.1", "", ""},
		"10.0.0.1:80":                    {KindHost, "10.0.0.1", "80", ""},
		"::1":                            {KindHost, "::1", "", ""},
		"[::1]":                          {KindHost, "::1", "", ""},
		"[FD00::0:1]:5000":               {KindHost, "fd00::1", "5000", ""},
		"dns://_sip.example":             {KindDNS, "_sip.example", "", ""},
		"tcp://db.example:5432":          {KindTCP, "db.example", "5432", ""},
		"tcp://[fd00::1]:22":             {KindTCP, "fd00::1", "22", ""},
		"tls://mail.example:993":         {KindTLS, "mail.example", "993", ""},
		"registry://127.0.0.1:5000":      {KindRegistry, "127.0.0.1", "5000", ""},
		"registry://registry.example/":   {KindRegistry, "registry.example", "", ""},
		"https://forge.example":          {KindHTTPS, "forge.example", "", "/"},
		"HTTPS://forge.example/a?b=c#d":  {KindHTTPS, "forge.example", "", "/a?b=c"},
		"http://[::1]:8080/healthz":      {KindHTTP, "::1", "8080", "/healthz"},
		"https://forge.example/a%2Fb/@x": {KindHTTPS, "forge.example", "", "/a%2Fb/@x"},
	} {
		got, err := ParseTarget(in)
		if err != nil {
			t.Errorf("ParseTarget(%q): %v", in, err)
		} else if got != want {
			t.Errorf("ParseTarget(%q) = %+v, want %+v", in, got, want)
		}
	}
}

func TestParseTargetRefuses(t *testing.T) {
	for in, says := range map[string]string{
		"":                          "no host name",
		"https://":                  "no host name",
		"tcp://:80":                 "no host name",
		"ftp://host":                "dns, tcp, tls, http, https or registry",
		"host/path":                 "https://host/path",
		"tcp://host":                "needs a port",
		"dns://host:53":             "name alone",
		"host:0":                    "1 to 65535",
		"host:65536":                "1 to 65535",
		"host:http":                 "1 to 65535",
		"host:080":                  "1 to 65535",
		"registry://host/namespace": "DNS name",
		"ho st":                     "DNS name",
		"-host":                     "DNS name",
		"a..b":                      "DNS name",
		"bücher.example":            "xn--",
		"fe80::1%eth0":              "65535",
		"https://host/\x01":         "not a URL",
		strings.Repeat("a.", 150):   "limit is 253",
	} {
		if got, err := ParseTarget(in); err == nil {
			t.Errorf("ParseTarget(%q) = %+v, want an error", in, got)
		} else if !strings.Contains(err.Error(), says) {
			t.Errorf("ParseTarget(%q): %v\nwant it to say %q", in, err, says)
		}
	}
}

func TestParseTargetKeepsCredentialsToItself(t *testing.T) {
	for _, in := range []string{
		"https://eve:hunter2@host/", "registry://eve:hunter2@host", "tcp://eve:hunter2@host:22", "eve:hunter2@host",
		"ftp://eve:hunter2@host", "https://eve:hunter2@host:port/", "https://eve:hunter2@ho st/",
	} {
		_, err := ParseTarget(in)
		if err == nil {
			t.Errorf("ParseTarget(%q) must be refused", in)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("ParseTarget(%q) repeats the password: %v", in, err)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{
		"host", "host:1", "[::1]:2", "::ffff:1.2.3.4", "https://h:1/p?q", "registry://h", "dns://h.", "tcp://1.2.3.4:5",
		"https://u:p@h", "http://[::1%25eth0]/", "https://h/%zz", "tls://xn--bcher-kva.example", "://", "https://h?x", "a@b://c",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		target, err := ParseTarget(in)
		if err != nil {
			return
		}
		if again, err := ParseTarget(target.String()); err != nil || again != target {
			t.Errorf("ParseTarget(%q) = %+v, but its String %q parses as %+v, %v", in, target, target.String(), again, err)
		}
		if _, err := netip.ParseAddr(target.Host); err != nil && strings.ContainsAny(target.Host, ":/@%[] \x00\n") {
			t.Errorf("ParseTarget(%q): host %q", in, target.Host)
		}
		if _, err := url.ParseRequestURI(urlOf(target, false)); err != nil {
			t.Errorf("ParseTarget(%q) makes a bad URL: %v", in, err)
		}
		if strings.ContainsAny(target.Path, " \r\n") {
			t.Errorf("ParseTarget(%q): path %q would break the request line", in, target.Path)
		}
	})
}
