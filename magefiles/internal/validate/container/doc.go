// Package container reads the file of containers/ that is not code: service-versions.yaml. It is pure: text goes in, positions and messages
// come out.
package container
