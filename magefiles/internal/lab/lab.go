// Package lab gives tests the real things: registries in this process, and base images made on this machine from Debian's
// packages. It is used by tests, and will be by the lab: targets.
//
// What it makes is kept in the user's cache folder, outside the clone. It needs root and debootstrap for images, and nothing
// for registries.
package lab
