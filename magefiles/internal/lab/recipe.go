package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// recipeFormat is part of every cache key. It changes when the way of making an image does.
const recipeFormat = 1

// LabelStandIn says of an image of the lab what it is, and what it is not.
const LabelStandIn = "me.eblu.blumeops.stand-in"

// Recipe is a base image made from Debian's packages. Equal recipes are made once.
type Recipe struct {
	Name    string         // names the image in messages and in the cache
	Suite   string         // of Debian
	Include []string       // packages besides those of minbase
	Setup   string         // shell script, run by sh -eu with the root file system as working directory
	Config  v1.ImageConfig // as it stands in the image
}

// Reference is the name that the image has of its own: it claims to be nothing else.
func (r Recipe) Reference() string {
	return "lab/" + r.Name + ":" + r.Suite
}

// key is a name for what the recipe says.
func (r Recipe) key() (string, error) {
	text, err := json.Marshal(struct {
		Format int
		Recipe Recipe
	}{recipeFormat, r})
	if err != nil {
		return "", fmt.Errorf("recipe %s: %w", r.Name, err)
	}
	sum := sha256.Sum256(text)
	return r.Name + "-" + r.Suite + "-" + hex.EncodeToString(sum[:6]), nil
}

// DebianRecipe is Debian's minimal root file system with an empty configuration: no Env, Cmd or User.
// The conformance recordings were made on such an image.
func DebianRecipe() Recipe {
	return Recipe{Name: "debian", Suite: "bookworm"}
}

// PythonRecipe stands in for the official Python image: same commands (python, pip), same open site-packages, but Debian's
// Python, which is 3.11.
func PythonRecipe() Recipe {
	return Recipe{
		Name:    "python",
		Suite:   "bookworm",
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

// NginxRecipe stands in for the official nginx image: same places of configuration and content, same user and command, but
// Debian's nginx-light and no entrypoint scripts.
func NginxRecipe() Recipe {
	return Recipe{
		Name:    "nginx",
		Suite:   "bookworm",
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
			Env:          []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
			Cmd:          []string{"nginx", "-g", "daemon off;"},
			ExposedPorts: map[string]struct{}{"80/tcp": {}},
			StopSignal:   "SIGQUIT",
			Labels:       map[string]string{LabelStandIn: "Debian bookworm with its nginx-light and curl; not docker.io/library/nginx"},
		},
	}
}
