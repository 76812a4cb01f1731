package checks

import "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"

// All are the checks of the target validate, in the order of docs/reference/checks.md. They begin in this order: those that share the pages
// come last, since these stay in memory from then on.
func All() []validate.Check {
	return []validate.Check{
		files,
		manifests,
		workflows,
		containers,
		secrets,
		pins,
		changelog,
		links,
		index,
		names,
		frontmatter,
		style,
	}
}
