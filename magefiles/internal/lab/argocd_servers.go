package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sync/errgroup"
)

// argoServer is one of Argo CD's processes.
type argoServer struct {
	name   string
	memory goMemory
	port   int // of its metrics and its health
	args   []string
}

// startServers starts all three concurrently: they wait for each other by themselves.
func (a *ArgoCD) startServers(ctx context.Context, argocd string, env []string) error {
	servers, err := a.servers()
	if err != nil {
		return err
	}
	a.server.client = direct()
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range servers {
		p, err := startProcess(program{
			Name: "argocd-" + s.name, Path: argocd, Args: s.args, Dir: a.dir, Log: a.log(s.name),
			Env: append(append(s.memory.env(), "ARGOCD_BINARY_NAME=argocd-"+s.name), env...),
		})
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		a.processes = append(a.processes, p)
		health := api{client: a.server.client, base: fmt.Sprintf("http://127.0.0.1:%d", s.port)}
		group.Go(func() error {
			return p.ready(ctx, func(ctx context.Context) error {
				return health.do(ctx, http.MethodGet, "/healthz", "", nil, nil)
			})
		})
	}
	return group.Wait()
}

// servers chooses ports and arguments.
func (a *ArgoCD) servers() ([]argoServer, error) {
	var ports [5]int
	for i := range ports {
		var err error
		if ports[i], err = freePort(); err != nil {
			return nil, err
		}
	}
	server, repo, metrics := ports[0], ports[1], ports[2:]
	a.server.base = fmt.Sprintf("http://127.0.0.1:%d", server)
	// The cluster's kubeconfig does not set Argo CD's namespace.
	common := []string{"--namespace=" + argoNamespace, "--logformat=text", "--redis=" + a.redis.addr}
	client := append(common, fmt.Sprintf("--repo-server=127.0.0.1:%d", repo), "--repo-server-plaintext")
	return []argoServer{
		{
			name: "server", memory: goMemory{Limit: 130, Percent: 40}, port: server,
			args: append(client[:len(client):len(client)], "--insecure", "--address=127.0.0.1", "--port="+strconv.Itoa(server),
				"--metrics-address=127.0.0.1", "--metrics-port="+strconv.Itoa(metrics[0]),
				"--staticassets="+filepath.Join(a.dir, "none")),
		},
		{
			name: "repo-server", memory: goMemory{Limit: 100, Percent: 40}, port: metrics[1],
			args: append(common[1:len(common):len(common)], "--disable-tls", "--address=127.0.0.1", "--port="+strconv.Itoa(repo),
				"--metrics-address=127.0.0.1", "--metrics-port="+strconv.Itoa(metrics[1])),
		},
		{
			name: "application-controller", memory: goMemory{Limit: 150, Percent: 40}, port: metrics[2],
			args: append(client[:len(client):len(client)], "--metrics-port="+strconv.Itoa(metrics[2]),
				"--status-processors=4", "--operation-processors=4", "--kubectl-parallelism-limit=4"),
		},
	}, nil
}

// environment is the environment that all three share. They find programs in their own folder, because git runs the program argocd for passwords.
func (a *ArgoCD) environment(argocd, kustomize string) ([]string, error) {
	at := func(name string) string { return filepath.Join(a.dir, name) }
	// Clones of the last time are not used.
	if err := os.RemoveAll(at("tmp")); err != nil {
		return nil, err
	}
	for _, dir := range []string{"bin", "tmp", "tls", "ssh", "gpg", "gpg-keys", "plugins"} {
		if err := os.MkdirAll(at(dir), 0o700); err != nil {
			return nil, err
		}
	}
	for name, path := range map[string]string{"argocd": argocd, "kustomize": kustomize} {
		link := filepath.Join(at("bin"), name)
		if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err := os.Symlink(path, link); err != nil {
			return nil, err
		}
	}
	socket, err := socketPath(a.dir, "askpass.sock")
	if err != nil {
		return nil, err
	}
	return []string{
		"PATH=" + at("bin") + string(filepath.ListSeparator) + filepath.Dir(a.git) + string(filepath.ListSeparator) + "/usr/bin:/bin",
		"HOME=" + a.dir,
		"TMPDIR=" + at("tmp"),
		"KUBECONFIG=" + a.cluster.Kubeconfig(),
		"REDIS_PASSWORD=" + a.redis.password,
		"ARGOCD_FAKE_IN_CLUSTER=true", // the cluster that it runs in is that of KUBECONFIG
		"ARGOCD_ASK_PASS_SOCK=" + socket,
		"ARGOCD_TLS_DATA_PATH=" + at("tls"),
		"ARGOCD_SSH_DATA_PATH=" + at("ssh"),
		"ARGOCD_GPG_ENABLED=false",
		"ARGOCD_GPG_DATA_PATH=" + at("gpg"),
		"ARGOCD_GNUPGHOME=" + at("gpg-keys"),
		"ARGOCD_PLUGINSOCKFILEPATH=" + at("plugins"),
		"GIT_CONFIG_NOSYSTEM=1",
	}, nil
}

// socketPath is the path of a socket, whose length the system limits.
func socketPath(dir, name string) (string, error) {
	path := filepath.Join(dir, name)
	const longest = 107 // sun_path of unix(7), without its final zero
	if len(path) > longest {
		return "", fmt.Errorf("the path of socket %s is too long (%d bytes, at most %d): choose a shorter folder for the lab", path, len(path), longest)
	}
	return path, nil
}
