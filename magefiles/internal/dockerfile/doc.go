// Package dockerfile reads Dockerfiles: what a build takes from elsewhere, and what BuildKit's linter finds. It is pure: text goes in,
// positions and messages come out.
//
// The parser and the linter are BuildKit's own packages, which are those that build. They expand variables while they do, so a file of a few
// lines can ask for any amount of memory; [Parse] refuses such a file before they see it.
package dockerfile
