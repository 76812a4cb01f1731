package checks

import "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"

// All are the checks of the target validate, in the order of docs/reference/checks.md.
func All() []validate.Check {
	return []validate.Check{
		files,
		manifests,
		workflows,
		links,
		style,
		index,
		names,
		frontmatter,
		changelog,
		containers,
		pins,
		secrets,
	}
}
