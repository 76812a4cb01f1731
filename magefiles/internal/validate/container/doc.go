// Package container reads what the folder containers/ comes with besides code: service-versions.yaml. It is pure: text goes in, positions and
// messages come out.
package container
