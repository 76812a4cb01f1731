package repo

import "errors"

var (
	// ErrRace: the branch of the remote has moved on, or the tag exists already. Fetch, make the commit again, push again.
	ErrRace = errors.New("the remote has changed")
	// ErrDenied: the remote refuses this account, or a rule of it (a protected branch) forbids the push.
	ErrDenied = errors.New("denied by the remote")
	// ErrNotAtomic: the server cannot move a branch and a tag in one step.
	ErrNotAtomic = errors.New("the server does not support atomic pushes")
	// ErrLost: a push was sent, no answer came, and the remote did not show the push when it was asked again. It may still be
	// working: check Refs before another push.
	ErrLost = errors.New("no answer to the push")
	// ErrHostKey: the SSH server's key is not in known_hosts, or differs from the one there.
	ErrHostKey = errors.New("unknown host key")
	// ErrUntrusted: the certificate of the server is refused.
	ErrUntrusted = errors.New("the remote is not trusted")
	// ErrNoSuchRef: the remote has no such branch or tag.
	ErrNoSuchRef = errors.New("branch or tag not found")
	// ErrUnchanged: the changes of a commit have no effect.
	ErrUnchanged = errors.New("no changes")
	// ErrPath: a change names a path that cannot be written or deleted.
	ErrPath = errors.New("path cannot be changed")
	// ErrKey: a private key cannot be read or used.
	ErrKey = errors.New("invalid key")
)
