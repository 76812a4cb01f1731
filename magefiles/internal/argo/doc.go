// Package argo deploys a commit through Argo CD's HTTP API, and says what keeps it from being deployed. It is written against Argo CD 3.2.
//
// An Application is synced to its own target revision, never to one that is named: that would need the right `override`, and is refused
// with auto-sync on. So what counts is not what was asked for but what Argo CD says that it deployed: a state is believed only if the
// latest sync, the comparison and the health all belong to a revision that contains the commit.
package argo
