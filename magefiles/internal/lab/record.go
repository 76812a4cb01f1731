package lab

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"time"
)

// Setting is an environment variable that makes a program use the lab.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Settings are the variables that make the targets, kubectl and argocd use this lab. They contain passwords and tokens, which are valid only for
// this lab's servers.
func (l *Lab) Settings() []Setting {
	var all []Setting
	set := func(name, value string) { all = append(all, Setting{name, value}) }
	if l.Registry != nil {
		set("BLUMEOPS_REGISTRY", l.Registry.Addr)
		if l.password != "" {
			set("BLUMEOPS_REGISTRY_USER", RegistryUser)
			set("BLUMEOPS_REGISTRY_PASSWORD", l.password)
		} else {
			set("BLUMEOPS_REGISTRY_USER", "none")
		}
	}
	if mirrors := l.mirrors(); mirrors != "" {
		set("BLUMEOPS_MIRRORS", mirrors)
	}
	if l.Forge != nil {
		set("BLUMEOPS_FORGE_URL", l.Forge.URL())
		set("BLUMEOPS_FORGE_TOKEN", l.token)
		set("BLUMEOPS_OWNER", l.Forge.Owner)
	}
	if l.Cluster != nil {
		set("KUBECONFIG", l.Cluster.Kubeconfig())
	}
	if l.ArgoCD != nil {
		server, _ := url.Parse(l.ArgoCD.URL()) // it came from one
		set("ARGOCD_SERVER", server.Host)
		set("ARGOCD_AUTH_TOKEN", l.ArgoCD.Token())
		set("ARGOCD_OPTS", "--plaintext --grpc-web")
	}
	if l.Site != nil {
		set("BLUMEOPS_DOCS_URL", l.Site.URL())
	}
	return all
}

// mirrors is the mirror setting that replaces base images of the Docker Hub with those of the registry. Other images still come from the Docker
// Hub.
func (l *Lab) mirrors() string {
	var list []byte
	for i, ref := range l.images {
		if i > 0 {
			list = append(list, ',')
		}
		list = fmt.Appendf(list, "docker.io/%s=%s/%s", ref, l.Registry.Addr, ref)
	}
	return string(list)
}

// record is the record of a lab that is up.
func (l *Lab) record(dir string) Record {
	r := Record{PID: os.Getpid(), Since: l.since, Dir: dir, Parts: l.options.Parts, Mode: l.options.Mode, Env: l.Settings()}
	for _, s := range l.Servers() {
		r.Servers = append(r.Servers, s.(lister).list()...)
	}
	return r
}

// lister is an additional interface of the servers of this package.
type lister interface {
	// list names the processes of a server, the one that clients use first.
	list() []Listed
}

// listed describes a process of a server. Without an address for clients, the list has none.
func listed(name, url string, p *process) Listed {
	return Listed{Name: name, URL: url, Log: p.Log, PID: p.cmd.Process.Pid}
}

func (r *Registry) list() []Listed { return []Listed{listed("registry", r.URL(), r.process)} }

func (f *Forge) list() []Listed { return []Listed{listed("forge", f.URL(), f.process)} }

func (c *Cluster) list() []Listed {
	all := []Listed{listed(c.server.Name, c.URL(), c.server), listed(c.kept.Name, "", c.kept)}
	for _, p := range c.controlled {
		all = append(all, listed(p.Name, "", p))
	}
	return all
}

func (a *ArgoCD) list() []Listed {
	all := []Listed{listed(a.processes[0].Name, a.URL(), a.processes[0])} // the server
	for _, p := range append(a.processes[1:len(a.processes):len(a.processes)], a.redis.process) {
		all = append(all, listed(p.Name, "", p))
	}
	return all
}

func (s *Site) list() []Listed {
	return []Listed{{Name: s.Name(), URL: s.URL(), Log: s.Log(), PID: os.Getpid()}}
}

func (r *Runner) list() []Listed { return []Listed{{Name: r.Name(), Log: r.Log(), PID: os.Getpid()}} }

// Checked is a server in the record of a lab, and its current error.
type Checked struct {
	Listed
	Trouble string `json:"trouble,omitempty"` // "" if it is up and, if it has an address, answers
}

// checkTime is how long a server may take to answer.
const checkTime = 5 * time.Second

// Check checks the servers in the record of a lab.
func Check(ctx context.Context, r Record) []Checked {
	client := &http.Client{Timeout: checkTime, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // only the answer counts, and nothing secret is sent
	}}
	defer client.CloseIdleConnections()
	checked := make([]Checked, len(r.Servers))
	for i, s := range r.Servers {
		checked[i] = Checked{Listed: s, Trouble: s.trouble(ctx, client)}
	}
	return checked
}

func (s Listed) trouble(ctx context.Context, client *http.Client) string {
	if _, err := os.Stat(path.Join("/proc", fmt.Sprint(s.PID))); err != nil {
		return "its process has ended"
	}
	if s.URL == "" {
		return ""
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		return err.Error()
	}
	resp, err := client.Do(req)
	if err != nil {
		return err.Error()
	}
	resp.Body.Close()
	return "" // any answer to a request without a token
}
