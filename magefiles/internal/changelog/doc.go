// Package changelog makes a section of a changelog from fragments, as towncrier does: the same configuration, the same fragments, byte
// for byte the same text. It is pure: it reads a file system and returns a set of changes.
//
// The model is towncrier 25.8.0 with its Markdown template (https://towncrier.readthedocs.io). Where towncrier's behaviour is
// undefined, or loses text that somebody wrote, this package differs:
//
//   - A file that would be left behind or leave nothing in the changelog (in a subfolder, of an unknown type, empty, not UTF-8) is an
//     error that names it. towncrier ignores it, or writes an empty bullet.
//   - Two fragments with the same issue, type and counter are an error that names both; towncrier's names neither.
//   - Bullets of one issue are sorted by their counters; towncrier's order is that of the folder on disk.
//   - A section of the same version under another date is recognised. So is a section of a run that was interrupted before it
//     removed the fragments: the rest of them is removed. towncrier does not recognise the former and refuses the latter.
//   - A byte order mark at the start of the changelog stays at the start.
//   - Issues for which issue_format gives no text leave no empty parentheses, however many they are.
//   - Settings that are unknown, of the wrong type or unsupported are refused by name.
package changelog
