// Package changelog makes a section of a changelog from fragments, as towncrier does: the same configuration, the same fragments, byte
// for byte the same text. It is pure: a file system goes in, a set of changes comes out.
//
// The model is towncrier 25.8.0 with its Markdown template (https://towncrier.readthedocs.io). Where that one is undefined, or loses
// what somebody wrote, this package differs:
//
//   - A file that would be left behind or leave nothing in the changelog (in a subfolder, of an unknown type, empty, not UTF-8) is an
//     error that names it. towncrier ignores it, or writes an empty bullet.
//   - Two fragments with the same issue, type and counter are an error that names both; towncrier's names neither.
//   - Bullets of one issue stand in the order of their counters; towncrier's order is that of the folder on disk.
//   - A section of the same version under another date is recognised. So is one that was written by a run that was interrupted before it
//     had removed the fragments: the rest of them is removed. towncrier refuses the latter and does not see the former.
//   - A byte order mark at the start of the changelog stays at the start.
//   - Issues that issue_format makes nothing of leave no empty parentheses, however many they are.
//   - Settings that are unknown, or of the wrong type, or that are not done here, are refused by name.
package changelog
