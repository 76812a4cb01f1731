package baseimage

import v1 "github.com/opencontainers/image-spec/specs-go/v1"

const (
	suite = "bookworm"
	// path is the PATH of Docker's official images.
	path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// Debian is Debian's minimal root file system as debootstrap makes it, with an empty configuration: no Env, Cmd, User or label. The conformance
// recordings use such an image.
func Debian() Recipe {
	return Recipe{Name: "debian", Tag: suite, Suite: suite}
}

// DebianSlim replaces the official debian:bookworm-slim: the same minimal Debian, without the files that the official one also omits. It only has
// packages of Debian's release, not those of its security archive.
func DebianSlim() Recipe {
	return Recipe{
		Name:  "debian",
		Tag:   suite + "-slim",
		Suite: suite,
		Setup: slim,
		Config: v1.ImageConfig{
			Env:    []string{path},
			Cmd:    []string{"bash"},
			Labels: map[string]string{LabelStandIn: "Debian bookworm (minbase) made with debootstrap, trimmed; not docker.io/library/debian"},
		},
	}
}

// slim removes documentation, manuals and translations, and configures dpkg to omit them later. The licences stay. Files that name the machine
// that made the image are removed too.
const slim = `
find usr/share/doc -type f ! -name copyright -delete
find usr/share/doc -mindepth 1 -type d -empty -delete
find usr/share/man usr/share/info usr/share/groff usr/share/lintian -mindepth 1 -delete 2>/dev/null || true
find usr/share/locale -mindepth 1 ! -name locale.alias -delete
cat >etc/dpkg/dpkg.cfg.d/slim <<'CONF'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/groff/*
path-exclude /usr/share/info/*
path-exclude /usr/share/lintian/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
CONF
cat >etc/apt/apt.conf.d/slim <<'CONF'
Acquire::Languages "none";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
CONF
printf '#!/bin/sh\n# No service is started by its installation.\nexit 101\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
rm -f etc/hostname etc/resolv.conf etc/*- var/lib/dpkg/*-old var/cache/debconf/*-old var/cache/ldconfig/aux-cache
find var/log -type f -delete
`

// Python replaces the official Python image: same commands (python, pip), same open site-packages, but Debian's Python, which is 3.11.
func Python() Recipe {
	return Recipe{
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
			Labels: map[string]string{LabelStandIn: "Debian bookworm with its python3 (3.11) and pip; not docker.io/library/python"},
		},
	}
}

// Nginx replaces the official nginx image: same paths of configuration and content, same user and command, but Debian's nginx-light and no
// entrypoint scripts.
func Nginx() Recipe {
	return Recipe{
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
			Env:          []string{path},
			Cmd:          []string{"nginx", "-g", "daemon off;"},
			ExposedPorts: map[string]struct{}{"80/tcp": {}},
			StopSignal:   "SIGQUIT",
			Labels:       map[string]string{LabelStandIn: "Debian bookworm with its nginx-light and curl; not docker.io/library/nginx"},
		},
	}
}
