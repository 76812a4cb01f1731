// Package baseline records the findings of a repository in a file, so that later runs of validate fail only for new ones.
//
// A finding is recognised by its rule, its file and the content of its line: lines that move bring nothing back, and a changed line does.
package baseline
