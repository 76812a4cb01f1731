package shell

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// kept is a folder with the state of a failed step.
type kept struct {
	t   *testing.T
	dir string
}

// read reads a file of the folder.
func (k kept) read(name string) string {
	k.t.Helper()
	text, err := os.ReadFile(filepath.Join(k.dir, filepath.FromSlash(name)))
	if err != nil {
		k.t.Error(err)
	}
	return string(text)
}

// has fails if a file of the folder does not contain the texts.
func (k kept) has(name string, texts ...string) {
	k.t.Helper()
	for all, i := k.read(name), 0; i < len(texts); i++ {
		if !strings.Contains(all, texts[i]) {
			k.t.Errorf("%s has no %q:\n%.3000s", name, texts[i], all)
		}
	}
}

// missing fails if the folder has one of the files.
func (k kept) missing(names ...string) {
	k.t.Helper()
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(k.dir, filepath.FromSlash(name))); err == nil {
			k.t.Errorf("%s is kept", name)
		}
	}
}

// without fails if a text is anywhere in the folder: in a file, in a name, or in the target of a link.
func (k kept) without(texts ...string) {
	k.t.Helper()
	err := filepath.WalkDir(k.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		all := path
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			all, err = os.Readlink(path)
			all += path
		case d.Type().IsRegular():
			var content []byte
			content, err = os.ReadFile(path)
			all += string(content)
		}
		for _, text := range texts {
			if strings.Contains(all, text) {
				k.t.Errorf("%q is in %s", text, path)
			}
		}
		return err
	})
	if err != nil {
		k.t.Error(err)
	}
}

// The state as the step left it is complete, in CI too, and has no secret, whatever the step did with its secrets.
func TestKeep(t *testing.T) {
	w := debian(t, `RUN useradd -m worker && mkdir /build && chown worker /build && ln -s /build /alias
ENV GREETING="hello you"
USER worker
WORKDIR /build
RUN --mount=type=secret,id=shop-token,env=TOKEN --mount=type=secret,id=shop-key,target=/run/key,uid=1000 \
    --mount=type=cache,target=/store,uid=1000 --mount=type=bind,target=/alias/context --mount=type=tmpfs,target=/scratch \
    echo line-one; echo "token $TOKEN"; touch /store/in-cache; echo "password=$TOKEN" >netrc; cp /run/key key; echo "$TOKEN" | base64 >encoded; \
    ln netrc same; ln -s "$TOKEN" link; touch "name-$TOKEN"; mkdir closed; touch closed/made; chmod 0500 closed; mkfifo pipe; exit 41
`)
	const key = "BEGIN KEY\ncanary-key-e2d9\n}\nEND KEY\n"
	w.Write("containers/tool/notes.txt", "in the context\n")
	w.Env["SHOP_TOKEN"], w.Env["SHOP_KEY"], w.Env["CI"] = secretValue, key, "true"
	state := kept{t, filepath.Join(w.Dir, "state")}
	args := []string{"container:build", "tool", "-secret=shop-token=env://SHOP_TOKEN,shop-key=env://SHOP_KEY", "-keep=dir:" + state.dir}
	got := w.Run(args...)
	if got.Status != 41 || strings.Count(got.Stderr, "the state of the failed step is in "+state.dir+"\n") != 1 || got.Stdout != "" {
		t.Fatalf("%+v", got)
	}
	state.without(secretValue, base64.StdEncoding.EncodeToString([]byte(secretValue))[:12], "canary-key")
	state.has("step.txt", "line-one", "exit code: 41\nuser: worker\nworking directory: /build\n", "environment: GREETING=hello you\n",
		"secret variable, not kept: TOKEN\n", "secret file, not kept: /run/key\n", "cache volume, not kept: /store\n", "mount, kept: /alias/context\n",
		"temporary folder, not kept: /scratch\n", "masked secrets in: /build/netrc\n", "masked secrets in: /build/key\n", "files.txt: /build/pipe\n", "contains a secret: 2\n")
	state.has("output.txt", "line-one\ntoken ***\n")
	state.has("files.txt", "dr-x------ 1000:1000 0 /build/closed\n", "/build/same = /build/", "prw-r--r-- 1000:1000 0 /build/pipe\n")
	state.has("rootfs/build/netrc", "password=***\n")
	state.has("rootfs/build/same", "password=***\n")
	state.has("rootfs/build/key", "***\n***\n}\n***\n")
	state.has("rootfs/build/context/notes.txt", "in the context\n")
	state.has("rootfs/etc/passwd", "worker:")
	state.missing("rootfs/store/in-cache", "rootfs/run/key", "rootfs/.init", "rootfs/.blumeops", "rootfs/build/pipe")
	if _, err := os.Stat(filepath.Join(state.dir, "rootfs", "build", "closed", "made")); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(state.dir); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("%v, %v", info, err)
	}
	notInLogs(t, w, secretValue, "canary-key")

	// The same folder again is refused before the build, and it is as it was.
	if got := w.Run(args...); got.Status != 2 || !strings.Contains(got.Stderr, "not an empty folder") || strings.Contains(got.Stderr, "engine:") {
		t.Errorf("%+v", got)
	}
	state.has("rootfs/build/netrc", "password=***\n")
}

// A build that succeeds, or that fails without a failing command, leaves no folder.
func TestKeepNothing(t *testing.T) {
	w := debian(t, "RUN true\n")
	state := kept{t, filepath.Join(w.Dir, "state")}
	w.Mage("container:build", "tool", "-keep=dir:"+state.dir)
	state.missing(".")
	w.Write("containers/tool/Dockerfile", "FROM scratch\nCOPY no-such-file /\n")
	if got := w.Run("container:build", "tool", "-keep=dir:"+state.dir); got.Status != 1 || strings.Contains(got.Stderr, "state of the failed step") {
		t.Errorf("%+v", got)
	}
	state.missing(".")
	for _, args := range [][]string{{"container:build", "tool"}, {"container:publish", "tool", "dev"}, {"docs:build"}} {
		for where, want := range map[string]string{"state": "expected dir:DIR", "dir:no/such": "create it first", "dir:containers": "not an empty folder"} {
			if got := w.Run(append(args, "-keep="+where)...); got.Status != 2 || !strings.Contains(got.Stderr, want) || strings.Contains(got.Stderr, "engine:") {
				t.Errorf("%s -keep=%s: %+v", args, where, got)
			}
		}
	}
}

// Dagger keeps no state: that is refused before the build, with what to do.
func TestKeepOnDagger(t *testing.T) {
	w := e2etest.NewWorkspace(t)
	session := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, `{"data":{}}`) }))
	defer session.Close()
	_, port, err := net.SplitHostPort(session.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w.Env["DAGGER_SESSION_PORT"], w.Env["DAGGER_SESSION_TOKEN"] = port, "token"
	got := w.Run("container:build", "hello", "-engine=dagger", "-keep=dir:state")
	if got.Status != 2 || !strings.Contains(got.Stderr, "-keep requires the embedded engine") || !strings.Contains(got.Stderr, "-engine=embedded") {
		t.Errorf("%+v", got)
	}
}

// Each failing step of several builds has a folder.
func TestKeepSeveral(t *testing.T) {
	w := debian(t, "RUN echo this is tool >/made; exit 5\n")
	w.Write("containers/other/Dockerfile", strings.Replace(w.Read("containers/tool/Dockerfile"), "this is tool >/made; exit 5", "this is other >/made; exit 6", 1))
	w.CommitAll("Add two that fail")
	s := w.NewRegistry(lab.RegistryOptions{})
	got := w.Run("container:publish", "tool,other", "dev", "-registry="+s.Addr, "-platform=linux/amd64", "-keep=dir:"+filepath.Join(w.Dir, "state"))
	one, two := kept{t, filepath.Join(w.Dir, "state")}, kept{t, filepath.Join(w.Dir, "state-2")}
	made := []string{one.read("rootfs/made"), two.read("rootfs/made")}
	if got.Status == 0 || made[0] == made[1] || !strings.Contains(strings.Join(made, ""), "this is tool\n") || !strings.Contains(got.Stderr, two.dir+"\n") {
		t.Errorf("%q, %+v", made, got)
	}
}

// Next to -interactive, the state is kept before the shell opens. The shell has the state before the step.
func TestKeepInteractive(t *testing.T) {
	w := debian(t, "RUN touch /made; exit 5\n")
	state := kept{t, filepath.Join(w.Dir, "state")}
	y := start(t, w, "container:build", "tool", "-interactive", "-keep=dir:"+state.dir)
	y.sees("the state of the failed step is in " + state.dir)
	y.sees(prompt)
	state.has("rootfs/made")
	y.does("ls /made 2>/dev/null | wc -l", "0")
	y.types("exit\r")
	y.ends(5)
}
