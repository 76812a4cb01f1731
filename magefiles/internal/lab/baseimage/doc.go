// Package baseimage makes base images on this machine, where no registry of images is within reach: from Debian's packages,
// and Node.js from npm's. It is for the lab and for tests; what is published from a site is built on the real ones.
//
// An image is made once and kept in the user's cache folder, outside the clone. Making needs root, debootstrap and Debian's
// package mirror, and for Node.js npm and its registry.
package baseimage
