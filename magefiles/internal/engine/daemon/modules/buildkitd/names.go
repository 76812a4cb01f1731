package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/identity"
	"github.com/moby/sys/user"
)

// names are the /etc/hosts of the running services. The services of a session know each other by their hostnames, also those that start later: so
// the files are changed while they are mounted.
type names struct {
	dir string

	mu     sync.Mutex
	groups map[string]map[*hosts]bool // by session
}

// hosts is the /etc/hosts of one service.
type hosts struct {
	path  string
	own   string // the lines that do not change
	entry string // the line that the other services get
}

// join makes the file of a service, and adds the service to the files of its session. The caller calls leave at the end.
func (n *names) join(session string, network *namespace, meta executor.Meta) (h *hosts, leave func(), err error) {
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		return nil, nil, err
	}
	var own strings.Builder
	fmt.Fprintf(&own, "127.0.0.1\tlocalhost %s\n::1\tlocalhost ip6-localhost ip6-loopback\n", meta.Hostname)
	for _, h := range meta.ExtraHosts {
		fmt.Fprintf(&own, "%s\t%s\n", h.IP, h.Host)
	}
	h = &hosts{
		path: filepath.Join(n.dir, identity.NewID()), own: own.String(), entry: fmt.Sprintf("%s\t%s\n", network.address.Addr(), meta.Hostname),
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.groups == nil {
		n.groups = map[string]map[*hosts]bool{}
	}
	if n.groups[session] == nil {
		n.groups[session] = map[*hosts]bool{}
	}
	n.groups[session][h] = true
	leave = func() { n.leave(session, h) }
	if err := n.update(session); err != nil {
		return nil, nil, errors.Join(err, n.remove(session, h))
	}
	return h, leave, nil
}

func (n *names) leave(session string, h *hosts) {
	n.mu.Lock()
	defer n.mu.Unlock()
	_ = n.remove(session, h)
	_ = n.update(session) // the address does not answer, with or without the name
}

func (n *names) remove(session string, h *hosts) error {
	delete(n.groups[session], h)
	if len(n.groups[session]) == 0 {
		delete(n.groups, session)
	}
	return os.Remove(h.path)
}

// update writes the files of a session.
func (n *names) update(session string) error {
	for h := range n.groups[session] {
		text := h.own
		for other := range n.groups[session] {
			if other != h {
				text += other.entry
			}
		}
		if err := overwrite(h.path, text); err != nil {
			return err
		}
	}
	return nil
}

// overwrite changes the content of the file itself, since a mount shows this file and not its successor. A reader never sees an empty file.
func overwrite(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Truncate(int64(len(text))), f.Close())
}

// mount is the file in a container.
func (h *hosts) mount() executor.Mount {
	return executor.Mount{Src: h, Dest: "/etc/hosts", Readonly: true}
}

// Mount implements [executor.Mountable].
func (h *hosts) Mount(context.Context, bool) (executor.MountableRef, error) {
	return hostsMount(h.path), nil
}

type hostsMount string

// Mount implements [executor.MountableRef].
func (m hostsMount) Mount() ([]mount.Mount, func() error, error) {
	return []mount.Mount{{Type: "bind", Source: string(m), Options: []string{"rbind", "ro", "nosuid", "noexec", "nodev"}}}, func() error { return nil }, nil
}

// IdentityMapping implements [executor.MountableRef].
func (hostsMount) IdentityMapping() *user.IdentityMapping { return nil }
