// Package argo deploys a commit through Argo CD's HTTP API, and reports why it is not deployed. It is written against Argo CD 3.2.
//
// An Application is synced to its own target revision, never to a named one: that would require the right `override`, and is refused
// with auto-sync on. So the result is judged by the state that Argo CD reports, not by the request: a state is only accepted if the
// latest sync, the comparison and the health all belong to a revision that contains the commit.
package argo
