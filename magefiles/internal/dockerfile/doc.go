// Package dockerfile reads Dockerfiles: the images and files that a build uses, and the findings of BuildKit's linter. It is pure: text goes in,
// positions and messages come out.
//
// The parser and the linter are BuildKit's own packages, the same that build. They expand variables, so a file of a few lines can use any amount
// of memory; [Parse] refuses such a file before it calls them.
package dockerfile
