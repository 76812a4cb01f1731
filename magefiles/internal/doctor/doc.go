// Package doctor has the checks of the target doctor: they report what is missing before a release does anything irreversible. They are checks of
// package validate, and share its findings and formats. They use the network, through the interfaces of this package, and change nothing. If a
// system does not answer, that is a finding.
package doctor
