package main

import (
	"slices"
	"time"
)

// Hop is a step on the way to a target, at which a probe may fail.
type Hop string

// The hops, in the order of a probe.
const (
	HopDNS      Hop = "dns"
	HopConnect  Hop = "connect"
	HopTLS      Hop = "tls"
	HopHTTP     Hop = "http"
	HopRegistry Hop = "registry"
)

// Result is the result of one probe. -format=json prints its JSON form.
type Result struct {
	Target    string        `json:"target"`
	Kind      Kind          `json:"kind"`
	OK        bool          `json:"ok"`
	Failed    Hop           `json:"failed,omitempty"` // the first hop that failed
	Error     string        `json:"error,omitempty"`
	Hint      string        `json:"hint,omitempty"` // what to check or do
	Warnings  []string      `json:"warnings,omitempty"`
	Addresses []string      `json:"addresses,omitempty"` // all addresses of the name
	Address   string        `json:"address,omitempty"`   // host:port that answered
	TLS       *TLSInfo      `json:"tls,omitempty"`
	HTTP      *HTTPInfo     `json:"http,omitempty"`
	Registry  *RegistryInfo `json:"registry,omitempty"`
	Phases    []Phase       `json:"phases"`
}

// Phase is the duration of one hop.
type Phase struct {
	Hop          Hop     `json:"hop"`
	Milliseconds float64 `json:"ms"`
}

// TLSInfo describes the connection and the server's certificate, even if the certificate is not trusted.
type TLSInfo struct {
	Version  string    `json:"version"`
	Subject  string    `json:"subject"`
	Names    []string  `json:"names,omitempty"` // the DNS names and addresses of the certificate
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"notAfter"`
	DaysLeft int       `json:"daysLeft"` // whole days, negative if it has expired
}

// HTTPInfo describes the answer to a GET.
type HTTPInfo struct {
	Status   int    `json:"status"`
	Location string `json:"location,omitempty"` // the target of a redirect
	Server   string `json:"server,omitempty"`
}

// RegistryInfo describes the answer to GET /v2/ of a registry.
type RegistryInfo struct {
	Plain     bool   `json:"plain"`               // asked over plain HTTP
	Challenge string `json:"challenge,omitempty"` // Www-Authenticate: the registry's authentication scheme
}

// fail records the first hop that failed.
func (r *Result) fail(hop Hop, err error, hint string) {
	r.OK, r.Failed, r.Error, r.Hint = false, hop, err.Error(), hint
}

func (r *Result) warn(text string) { r.Warnings = append(r.Warnings, text) }

// timed records the duration of a hop.
func (r *Result) timed(hop Hop, start time.Time) {
	r.Phases = append(r.Phases, Phase{hop, float64(time.Since(start).Microseconds()) / 1000})
}

// phase returns the milliseconds of a hop, and whether it was tried.
func (r *Result) phase(hop Hop) (float64, bool) {
	i := slices.IndexFunc(r.Phases, func(p Phase) bool { return p.Hop == hop })
	if i < 0 {
		return 0, false
	}
	return r.Phases[i].Milliseconds, true
}

func allOK(results []Result) bool {
	return !slices.ContainsFunc(results, func(r Result) bool { return !r.OK })
}
