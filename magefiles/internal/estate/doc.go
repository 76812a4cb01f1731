// Package estate compares the repository with the world that it is for, and looks whether that world is ready for a release.
//
// Doctor's checks say what is missing before anything irreversible is done. Drift's say where registry, forge and Argo CD have something else
// than the repository. Both are checks of package validate, and so share its findings and its formats; unlike validate's own they ask the
// network, through the small interfaces that this package declares. Nothing here changes anything.
//
// What cannot be asked is a finding of doctor, which looks for just that. It is a failure of drift, which could not look.
package estate
