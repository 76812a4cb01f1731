// Package drift has the checks of the target drift: they report where the registry, the forge and Argo CD differ from the repository. They are checks of
// package validate, and share its findings and formats. They use the network, through the interfaces of this package, and change nothing. If a
// system does not answer, that is a failure, because nothing could be compared.
package drift

import "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"

// Checks are the checks of the target drift.
func Checks(p Ports) []validate.Check {
	var list []validate.Check
	add := func(used bool, c validate.Check) {
		if used {
			list = append(list, c)
		}
	}
	add(p.Images != nil, images(p.Images))
	add(p.Applications != nil, applications(p.Applications, p.History))
	add(p.History != nil, tags(p.History))
	add(p.History != nil, branches(p.History))
	add(p.Packages != nil, packages(p.Packages))
	return list
}
