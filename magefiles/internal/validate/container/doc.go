// Package container reads what the folders of containers/ hold besides code: Dockerfiles and service-versions.yaml. It is pure: text goes
// in, positions and messages come out.
//
// Dockerfiles are parsed and linted by BuildKit's own packages, which are those that build them. They expand variables while they do, so a
// file of a few lines can ask for any amount of memory; [Parse] refuses such a file before they see it.
package container
