package objects

import (
	"strings"

	"github.com/moby/sys/user"
)

// lookupOwner reads NAME, UID, NAME:GROUP and the like with the passwd(5) and group(5) files of a root file system.
func lookupOwner(owner, passwd, group string) (uid, gid int, err error) {
	u, err := user.GetExecUser(owner, &user.ExecUser{}, strings.NewReader(passwd), strings.NewReader(group))
	if err != nil {
		return 0, 0, err
	}
	return u.Uid, u.Gid, nil
}
