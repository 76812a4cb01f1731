package objects

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/sys/user"
)

// ownership is the user and the group of a file.
type ownership struct{ uid, gid int }

// ownerOf reads UID, UID:GID, NAME, NAME:GROUP and the like. Names are looked up in /etc/passwd and /etc/group of st, which is solved for that.
// Without a group, the group's number is the user's.
func (e *Env) ownerOf(ctx context.Context, st llb.State, owner string) (ownership, error) {
	name, group, hasGroup := strings.Cut(owner, ":")
	var o ownership
	var err error
	if o.uid, err = number(name); err != nil {
		if o.uid, err = e.lookUp(ctx, st, "/etc/passwd", name, findUser); err != nil {
			return ownership{}, err
		}
	}
	if !hasGroup {
		o.gid = o.uid
		return o, nil
	}
	if o.gid, err = number(group); err != nil {
		o.gid, err = e.lookUp(ctx, st, "/etc/group", group, findGroup)
	}
	return o, err
}

// number reads an id. The name root is always 0, and -1 keeps the existing owner, as in chown(2).
func number(s string) (int, error) {
	if s == "root" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	return int(n), err
}

func (e *Env) lookUp(ctx context.Context, st llb.State, file, name string, find func(io.Reader, string) (int, error)) (int, error) {
	if err := e.evaluate(ctx, st); err != nil {
		return 0, err
	}
	b, err := e.Solver.ReadFile(ctx, st, file)
	if isNotExist(err) {
		return 0, notExist("open", file)
	}
	if err != nil {
		return 0, err
	}
	return find(strings.NewReader(string(b)), name)
}

// findUser reads passwd(5).
func findUser(r io.Reader, name string) (int, error) {
	found, err := user.ParsePasswdFilter(r, func(u user.User) bool { return u.Name == name })
	if err != nil || len(found) == 0 {
		return 0, fmt.Errorf("find uid: no such user: %s", name)
	}
	return found[0].Uid, nil
}

// findGroup reads group(5).
func findGroup(r io.Reader, name string) (int, error) {
	found, err := user.ParseGroupFilter(r, func(g user.Group) bool { return g.Name == name })
	if err != nil || len(found) == 0 {
		return 0, fmt.Errorf("find gid: no such group: %s", name)
	}
	return found[0].Gid, nil
}
