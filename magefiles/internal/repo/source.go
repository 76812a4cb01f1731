package repo

import (
	"net/url"
	"regexp"
	"strings"
)

// remoteName is the remote that is used: origin, or the only one if it has another name; "" if there is none.
func (r *Repo) remoteName() string {
	remotes, err := r.git.Remotes()
	if err != nil {
		return ""
	}
	for _, remote := range remotes {
		if remote.Config().Name == "origin" {
			return "origin"
		}
	}
	if len(remotes) == 1 {
		return remotes[0].Config().Name
	}
	return ""
}

// SourceURL is the web address of the remote: an http or https URL without credentials. "" if there is no remote, or if it is a path
// on this machine.
func (r *Repo) SourceURL() string {
	name := r.remoteName()
	if name == "" {
		return ""
	}
	remote, err := r.git.Remote(name)
	if err != nil || len(remote.Config().URLs) == 0 {
		return ""
	}
	return sourceURL(remote.Config().URLs[0])
}

// scpLike is git's short form [user@]host:path (gitprotocol: "scp-like syntax"). A host of one letter is a Windows drive.
var scpLike = regexp.MustCompile(`^(?:[^@/:]+@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{2,}):([^\s]*)$`)

// hostName matches the host of a web address.
var hostName = regexp.MustCompile(`^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(:[0-9]{1,5})?$`)

// sourceURL turns a remote's address into the address of its web pages.
func sourceURL(remote string) string {
	remote = strings.TrimSpace(remote)
	if !strings.Contains(remote, "://") {
		m := scpLike.FindStringSubmatch(remote)
		if m == nil {
			return ""
		}
		return webURL("https", m[1], m[2])
	}
	u, err := url.Parse(remote)
	if err != nil {
		return ""
	}
	switch u.Scheme {
	case "http", "https":
		return webURL(u.Scheme, u.Host, u.Path)
	case "ssh", "git+ssh", "ssh+git", "git":
		host := u.Hostname() // the port is that protocol's
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return webURL("https", host, u.Path)
	}
	return ""
}

func webURL(scheme, host, path string) string {
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	path = strings.Trim(path, "/")
	if path == "" || !hostName.MatchString(host) {
		return ""
	}
	u := url.URL{Scheme: scheme, Host: host, Path: "/" + path}
	web := u.String()
	if _, err := url.Parse(web); err != nil {
		return "" // "[a:]" looks like an address, and is not
	}
	return web
}
