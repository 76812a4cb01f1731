package build

import (
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
)

// Builds begin from the lab's base images as they would from those of the Docker Hub. The mirror has only these two.
func TestBaseImagesOfTheLab(t *testing.T) {
	registry, debian := e2etest.NeedBase(t, baseimage.DebianSlim())
	_, node := e2etest.NeedBase(t, baseimage.NodeSlim())
	w := newWorkspace(t)
	var mirrors []string
	for _, reference := range []string{debian, node} {
		repository, _, _ := strings.Cut(reference, ":")
		mirrors = append(mirrors, "docker.io/"+repository+"="+registry+"/"+repository)
	}
	w.Env["BLUMEOPS_MIRRORS"] = strings.Join(mirrors, ",")
	w.Write("containers/slim/Dockerfile", "FROM debian:bookworm-slim\nRUN . /etc/os-release && echo $ID-$VERSION_ID >/is && dpkg --print-architecture\n")
	w.Write("containers/web/Dockerfile", `FROM node:22-slim
RUN node --version >/versions && npm --version >>/versions && npx --version >>/versions
USER node
WORKDIR /home/node
RUN node -e 'require("fs").writeFileSync("is", os.userInfo().username + " " + process.env.NODE_VERSION)' && npm init --yes && npm install --offline && npm pkg get name
`)
	build := func(name string) (e2etest.PlatformImage, map[string]string) {
		archive := filepath.Join(w.Dir, name+".tar")
		w.Mage("container:build", name, "-output="+archive)
		image := e2etest.ReadOneImage(t, archive)
		files, err := image.Files()
		if err != nil {
			t.Fatal(err)
		}
		return image, files
	}
	slim, files := build("slim")
	if label := slim.Config.Config.Labels[baseimage.LabelStandIn]; !strings.Contains(label, "not docker.io/library/debian") {
		t.Errorf("label %q", label)
	}
	if got := files["/is"]; got != "debian-12\n" {
		t.Errorf("debian:bookworm-slim is %q", got)
	}
	web, files := build("web")
	version := variable(web, "NODE_VERSION")
	if got := files["/home/node/is"]; got != "node "+version {
		t.Errorf("node:22-slim is %q, want its user and its version %s", got, version)
	}
	lines := strings.Fields(files["/versions"])
	if len(lines) != 3 || lines[0] != "v"+version || !strings.HasPrefix(version, "22.") || lines[1] != lines[2] || !strings.HasPrefix(lines[1], "10.") {
		t.Errorf("node, npm and npx have the versions %q, the image says %q", lines, version)
	}
	if first := slim.Config.RootFS.DiffIDs[0]; web.Config.RootFS.DiffIDs[0] != first {
		t.Error("the two images share no layer")
	}
}

// variable is one of an image's configuration.
func variable(image e2etest.PlatformImage, name string) string {
	for _, set := range image.Config.Config.Env {
		if value, ok := strings.CutPrefix(set, name+"="); ok {
			return value
		}
	}
	return ""
}
