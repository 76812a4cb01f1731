// Package testimage has the recipes of base images that only tests use.
package testimage

import (
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
)

const suite = "bookworm"

// All are the recipes of this package, and those of package baseimage.
func All() []baseimage.Recipe {
	return []baseimage.Recipe{Debian(), baseimage.DebianSlim(), baseimage.NodeSlim(), Python(), PythonBackends(), Nginx()}
}

// Debian is Debian's minimal root file system as debootstrap makes it, with an empty configuration: no Env, Cmd, User or label. The conformance
// recordings use such an image.
func Debian() baseimage.Recipe {
	return baseimage.Recipe{Name: "debian", Tag: suite, Suite: suite}
}

// Python replaces the official Python image: same commands (python, pip), same open site-packages, but Debian's Python, which is 3.11.
func Python() baseimage.Recipe {
	return baseimage.Recipe{
		Name:    "python",
		Tag:     suite,
		Suite:   suite,
		Include: []string{"ca-certificates", "python3", "python3-pip", "python3-venv"},
		Setup: `
ln -s /usr/bin/python3 usr/local/bin/python
ln -s /usr/bin/python3 usr/local/bin/python3
rm -f usr/lib/python3*/EXTERNALLY-MANAGED
`,
		Config: v1.ImageConfig{
			Env:    []string{"PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"},
			Cmd:    []string{"python3"},
			Labels: map[string]string{baseimage.LabelStandIn: "Debian bookworm with its python3 (3.11) and pip; not docker.io/library/python"},
		},
	}
}

// Nginx replaces the official nginx image: same paths of configuration and content, same user and command, but Debian's nginx-light and no
// entrypoint scripts.
func Nginx() baseimage.Recipe {
	return baseimage.Recipe{
		Name:    "nginx",
		Tag:     suite,
		Suite:   suite,
		Include: []string{"ca-certificates", "curl", "nginx-light"},
		Setup: `
echo 'nginx:x:101:101:nginx user:/nonexistent:/bin/false' >>etc/passwd
echo 'nginx:x:101:' >>etc/group
sed -i -e 's/^user .*/user nginx;/' -e '/sites-enabled/d' -e 's|^pid .*|pid /run/nginx.pid;|' etc/nginx/nginx.conf
mkdir -p usr/share/nginx/html
echo '<!DOCTYPE html><title>nginx</title>' >usr/share/nginx/html/index.html
cat >etc/nginx/conf.d/default.conf <<'CONF'
server {
    listen 80;
    server_name localhost;
    location / {
        root /usr/share/nginx/html;
        index index.html;
    }
}
CONF
ln -sf /dev/stdout var/log/nginx/access.log
ln -sf /dev/stderr var/log/nginx/error.log
`,
		Config: v1.ImageConfig{
			Env:          baseimage.DebianSlim().Config.Env,
			Cmd:          []string{"nginx", "-g", "daemon off;"},
			ExposedPorts: map[string]struct{}{"80/tcp": {}},
			StopSignal:   "SIGQUIT",
			Labels:       map[string]string{baseimage.LabelStandIn: "Debian bookworm with its nginx-light and curl; not docker.io/library/nginx"},
		},
	}
}
