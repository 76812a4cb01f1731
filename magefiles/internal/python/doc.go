// Package python has the nouns of Python packages: names, versions, pyproject.toml, and the files of a release. It runs no Python.
//
// The authority for names and versions is the library packaging of the Python Packaging Authority, with which the tests compare it.
package python
