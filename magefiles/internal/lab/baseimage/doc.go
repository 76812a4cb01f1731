// Package baseimage makes base images on this machine, for machines without access to a registry of images: from Debian's packages, and Node.js
// from npm's. It is for the lab and for tests; published images are built on the real ones.
//
// An image is made once and kept in the user's cache folder, outside the clone. This requires root, debootstrap and Debian's package mirror, and
// for Node.js npm and its registry.
package baseimage
