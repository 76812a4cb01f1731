package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
)

// Builds begin from the lab's base images as they would from those of the Docker Hub. The mirror stands for these two alone.
func TestBaseImagesOfTheLab(t *testing.T) {
	registry, debian := needBase(t, baseimage.DebianSlim())
	_, node := needBase(t, baseimage.NodeSlim())
	w := newWorld(t)
	var mirrors []string
	for _, reference := range []string{debian, node} {
		repository, _, _ := strings.Cut(reference, ":")
		mirrors = append(mirrors, "docker.io/"+repository+"="+registry+"/"+repository)
	}
	w.env["BLUMEOPS_MIRRORS"] = strings.Join(mirrors, ",")
	w.write("containers/slim/Dockerfile", "FROM debian:bookworm-slim\nRUN . /etc/os-release && echo $ID-$VERSION_ID >/is && dpkg --print-architecture\n")
	w.write("containers/web/Dockerfile", `FROM node:22-slim
RUN node --version >/versions && npm --version >>/versions && npx --version >>/versions
USER node
WORKDIR /home/node
RUN node -e 'require("fs").writeFileSync("is", os.userInfo().username + " " + process.env.NODE_VERSION)' && npm init --yes && npm install --offline && npm pkg get name
`)
	build := func(name string) (onePlatform, map[string]string) {
		archive := filepath.Join(w.work, name+".tar")
		w.mage("container:build", name, "-output="+archive)
		image := readOnlyImage(t, archive)
		files, err := image.files()
		if err != nil {
			t.Fatal(err)
		}
		return image, files
	}
	slim, files := build("slim")
	if label := slim.config.Config.Labels[baseimage.LabelStandIn]; !strings.Contains(label, "not docker.io/library/debian") {
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
	if first := slim.config.RootFS.DiffIDs[0]; web.config.RootFS.DiffIDs[0] != first {
		t.Error("the two images share no layer")
	}
}

// variable is one of an image's configuration.
func variable(image onePlatform, name string) string {
	for _, set := range image.config.Config.Env {
		if value, ok := strings.CutPrefix(set, name+"="); ok {
			return value
		}
	}
	return ""
}
