package checks

import "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"

// All are the checks of the target validate, in the order of docs/reference/checks.md. They start in this order. The checks that share the
// pages come last, because the pages stay in memory after the first of them.
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
