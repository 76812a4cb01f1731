package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"time"
)

const usage = `Nettest says which of the given hosts this machine reaches, and which hop fails for the others.

Usage:
  nettest [flags] TARGET...

Targets:
  HOST[:PORT]             name, connection, TLS and HTTPS; any answer below 500 will do
  https://HOST[:PORT]/..  the same, and the page must be there (http:// for plain HTTP)
  registry://HOST[:PORT]  a container registry: GET /v2/ answers 200, or 401 with a challenge
  tls://HOST[:PORT]       name, connection and certificate
  tcp://HOST:PORT         name and connection
  dns://NAME              the name alone
Without arguments the targets are taken from NETTEST_TARGETS, separated by spaces or commas.

Flags:
  -timeout=10s            how long one target may take altogether
  -format=table|json      a table for people, or JSON for programs
  -ca=FILE                trust the CA certificates in this PEM file, too
  -insecure-registry=HOST[:PORT],...
                          registries to ask over plain HTTP (loopback always is)
  -expiry=21              warn when a certificate expires within so many days
  -nameserver=IP[:PORT]   ask this nameserver instead of the machine's own
  -version                print the version and exit
  -h                      print this text and exit

Nettest connects by itself: proxy settings are not used and redirects are shown, not followed.
Exit status: 0 every target answered, 1 one did not, 2 wrong arguments.
`

// errDone says that -h or -version has been answered, so that the program ends.
var errDone = errors.New("done")

// settings are the checked values of the command line.
type settings struct {
	prober  *Prober
	targets []Target
	report  func(io.Writer, []Result) error
}

// flags are the values of the command line before they are checked.
type flags struct {
	timeout    time.Duration
	format     string
	caFile     string
	plain      string
	expiryDays int
	nameserver string
	version    bool
}

// parseSettings reads the command line. It answers -h and -version on stdout and then returns [errDone].
func parseSettings(args []string, getenv func(string) string, stdout io.Writer) (*settings, error) {
	var f flags
	set := flag.NewFlagSet("nettest", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.DurationVar(&f.timeout, "timeout", 10*time.Second, "")
	set.StringVar(&f.format, "format", "table", "")
	set.StringVar(&f.caFile, "ca", "", "")
	set.StringVar(&f.plain, "insecure-registry", "", "")
	set.IntVar(&f.expiryDays, "expiry", 21, "")
	set.StringVar(&f.nameserver, "nameserver", "", "")
	set.BoolVar(&f.version, "version", false, "")
	err := set.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return nil, errDone
	case err != nil:
		return nil, err
	case f.version:
		fmt.Fprintf(stdout, "nettest %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return nil, errDone
	}
	return f.settings(set.Args(), getenv)
}

// settings checks the flags and the targets.
func (f flags) settings(args []string, getenv func(string) string) (*settings, error) {
	if f.timeout <= 0 {
		return nil, fmt.Errorf("-timeout=%v: give a time above zero, such as 10s", f.timeout)
	}
	if f.expiryDays < 0 {
		return nil, fmt.Errorf("-expiry=%d: give a number of days, 0 or more", f.expiryDays)
	}
	report, ok := map[string]func(io.Writer, []Result) error{"table": writeTable, "json": writeJSON}[f.format]
	if !ok {
		return nil, fmt.Errorf("-format=%q is not known: give table or json", f.format)
	}
	targets, err := parseTargets(args, getenv("NETTEST_TARGETS"))
	if err != nil {
		return nil, err
	}
	plain, err := parseHosts(f.plain)
	if err != nil {
		return nil, err
	}
	roots, err := loadRoots(f.caFile)
	if err != nil {
		return nil, err
	}
	resolver, err := newResolver(f.nameserver)
	if err != nil {
		return nil, err
	}
	prober := &Prober{
		Timeout: f.timeout, Roots: roots, Plain: plain, Resolver: resolver,
		ExpiryWarning: time.Duration(f.expiryDays) * 24 * time.Hour,
	}
	return &settings{prober: prober, targets: targets, report: report}, nil
}

// parseTargets parses the arguments or, without any, the value of NETTEST_TARGETS.
func parseTargets(args []string, environment string) ([]Target, error) {
	if len(args) == 0 {
		args = splitList(environment)
	}
	if len(args) == 0 {
		return nil, errors.New("no target given, and NETTEST_TARGETS is empty")
	}
	targets := make([]Target, 0, len(args))
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") {
			return nil, fmt.Errorf("%q comes after a target: flags go first", arg)
		}
		t, err := ParseTarget(arg)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// splitList splits at spaces, newlines and commas.
func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' })
}

// parseHosts parses the value of -insecure-registry.
func parseHosts(list string) (map[string]bool, error) {
	hosts := map[string]bool{}
	for _, h := range splitList(list) {
		if _, _, err := parseHostPort(h); err != nil {
			return nil, fmt.Errorf("-insecure-registry: %w", err)
		}
		hosts[strings.ToLower(h)] = true
	}
	return hosts, nil
}

// loadRoots returns the machine's roots, or the built-in ones if it has none, and adds the certificates of a PEM file.
func loadRoots(file string) (*x509.CertPool, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the machine's CA roots: %w", err)
	}
	if file == "" {
		return roots, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("-ca: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("-ca=%s: no certificate in PEM form (-----BEGIN CERTIFICATE-----) in this file", file)
	}
	return roots, nil
}

// newResolver returns the machine's resolver, or one that asks the given nameserver over UDP, and TCP for long answers.
func newResolver(nameserver string) (*net.Resolver, error) {
	if nameserver == "" {
		return net.DefaultResolver, nil
	}
	host, port, err := parseHostPort(nameserver)
	if err != nil || net.ParseIP(host) == nil {
		return nil, fmt.Errorf("-nameserver=%q: give an address such as 10.0.0.1, 10.0.0.1:5353 or [fd00::1]:53", nameserver)
	}
	if port == "" {
		port = "53"
	}
	address := net.JoinHostPort(host, port)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}, nil
}
