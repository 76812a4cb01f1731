// Package estate compares the repository with the systems that it describes, and checks that they are ready for a release.
//
// Doctor's checks report what is missing before a release does anything irreversible. Drift's checks report where the registry, the forge
// and Argo CD differ from the repository. Both are checks of package validate, and share its findings and formats. Unlike validate's own
// checks they use the network, through small interfaces in this package. They change nothing.
//
// If a system does not answer, doctor reports a finding, because that is its purpose. drift reports a failure, because it could not
// compare.
package estate
