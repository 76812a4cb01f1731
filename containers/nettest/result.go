package main

import (
	"slices"
	"time"
)

// Hop is the part of the way to a target at which a probe failed.
type Hop string

// The hops, in the order in which a probe takes them.
const (
	HopDNS      Hop = "dns"
	HopConnect  Hop = "connect"
	HopTLS      Hop = "tls"
	HopHTTP     Hop = "http"
	HopRegistry Hop = "registry"
)

// Result is what one probe found. Its JSON form is what -format=json prints.
type Result struct {
	Target    string        `json:"target"`
	Kind      Kind          `json:"kind"`
	OK        bool          `json:"ok"`
	Failed    Hop           `json:"failed,omitempty"` // the first hop that failed
	Error     string        `json:"error,omitempty"`
	Hint      string        `json:"hint,omitempty"` // what to look at or to do
	Warnings  []string      `json:"warnings,omitempty"`
	Addresses []string      `json:"addresses,omitempty"` // all that the name resolves to
	Address   string        `json:"address,omitempty"`   // host:port that answered
	TLS       *TLSInfo      `json:"tls,omitempty"`
	HTTP      *HTTPInfo     `json:"http,omitempty"`
	Registry  *RegistryInfo `json:"registry,omitempty"`
	Phases    []Phase       `json:"phases"`
}

// Phase is the time that one hop took.
type Phase struct {
	Hop          Hop     `json:"hop"`
	Milliseconds float64 `json:"ms"`
}

// TLSInfo describes the connection and the certificate of the server, which is shown even if it is not trusted.
type TLSInfo struct {
	Version  string    `json:"version"`
	Subject  string    `json:"subject"`
	Names    []string  `json:"names,omitempty"` // the DNS names and addresses that it is for
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"notAfter"`
	DaysLeft int       `json:"daysLeft"` // whole days, below zero once it has expired
}

// HTTPInfo describes the answer to a GET.
type HTTPInfo struct {
	Status   int    `json:"status"`
	Location string `json:"location,omitempty"` // where a redirect points
	Server   string `json:"server,omitempty"`
}

// RegistryInfo describes the answer to GET /v2/ where it is a registry's.
type RegistryInfo struct {
	Plain     bool   `json:"plain"`               // asked over plain HTTP
	Challenge string `json:"challenge,omitempty"` // Www-Authenticate: how the registry wants to be asked
}

// fail records the first hop that failed.
func (r *Result) fail(hop Hop, err error, hint string) {
	r.OK, r.Failed, r.Error, r.Hint = false, hop, err.Error(), hint
}

func (r *Result) warn(text string) { r.Warnings = append(r.Warnings, text) }

// timed records how long a hop took.
func (r *Result) timed(hop Hop, start time.Time) {
	r.Phases = append(r.Phases, Phase{hop, float64(time.Since(start).Microseconds()) / 1000})
}

// phase returns the milliseconds of a hop, and whether it was taken.
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
