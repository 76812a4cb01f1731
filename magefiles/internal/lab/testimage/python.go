package testimage

import "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"

// PythonBackends is Python with Debian's build backends in its site-packages, for builds of Python packages without an index.
func PythonBackends() baseimage.Recipe {
	r := Python()
	r.Tag += "-backends"
	r.Include = append(r.Include, "python3-setuptools", "python3-wheel", "python3-setuptools-scm", "python3-hatchling", "python3-hatch-vcs", "python3-poetry-core")
	r.Setup += `# Debian bookworm has no editables, which Hatchling uses for editable installations alone.
sed -i '/^Requires-Dist: editables/d' usr/lib/python3/dist-packages/hatchling-*.dist-info/METADATA
`
	return r
}
