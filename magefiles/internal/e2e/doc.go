// Package e2e runs the compiled mage binary as people and CI jobs do, and looks at what they see: what is printed and where, exit statuses,
// images, registries, and what is left behind.
//
// The binary is compiled once a run. Each test has a git repository, a home and a cache of its own; they share the embedded engine
// of package enginetest, but for those that stop or kill one. Registries and base images are those of package lab.
//
// What people see stands in testdata/script, as scripts for testscript; script_test.go lists the commands that are ours. What a
// script says badly (signals, processes, images byte by byte) is a test in Go. What pages of the documentation tell people to do is done as
// it stands there (pages_test.go), and compared with what they show.
package e2e
