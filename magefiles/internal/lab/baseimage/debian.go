package baseimage

import v1 "github.com/opencontainers/image-spec/specs-go/v1"

const (
	suite = "bookworm"
	// path is the PATH of Docker's official images.
	path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

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
