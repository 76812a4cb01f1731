package engine_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// health describes the health check of a container.
func health(t *testing.T, ct *dagger.Container) string {
	t.Helper()
	ctx, h := t.Context(), ct.DockerHealthcheck()
	args, err := h.Args(ctx)
	must(t, err)
	shell, err := h.Shell(ctx)
	must(t, err)
	retries, err := h.Retries(ctx)
	must(t, err)
	text := fmt.Sprintf("%q shell=%t retries=%d", args, shell, retries)
	for _, f := range []func() (string, error){
		func() (string, error) { return h.Interval(ctx) }, func() (string, error) { return h.Timeout(ctx) },
		func() (string, error) { return h.StartPeriod(ctx) }, func() (string, error) { return h.StartInterval(ctx) },
	} {
		got, err := f()
		must(t, err)
		text += " " + got
	}
	return text
}

// The health check is that of the image: it is read from a Dockerfile, and from an exported image.
func TestHealthcheckOfAnImage(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	built := func(line string) *dagger.Container {
		return c.Directory().WithNewFile("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n"+line+"\n").DockerBuild()
	}
	exported := func(ct *dagger.Container) *dagger.Container {
		file := filepath.Join(t.TempDir(), "image.tar")
		_, err := ct.Export(ctx, file)
		must(t, err)
		return c.Container().Import(c.Host().File(file))
	}
	base := c.Container().WithNewFile("/f", "")
	for name, step := range map[string]struct {
		ct   *dagger.Container
		want string
	}{
		"a Dockerfile": {built("HEALTHCHECK --interval=25s --timeout=31s --start-period=60s --start-interval=4s --retries=8 CMD [\"sh\", \"-c\", \"date\"]"), `["sh" "-c" "date"] shell=false retries=8 25s 31s 1m0s 4s`},
		"a shell":      {built("HEALTHCHECK CMD date"), `["date"] shell=true retries=0 0s 0s 0s 0s`},
		"NONE":         {built("HEALTHCHECK NONE"), "[] shell=false retries=0    "},
		"none":         {base, "[] shell=false retries=0    "},
		"set": {base.WithDockerHealthcheck([]string{"a", "b"}, dagger.ContainerWithDockerHealthcheckOpts{
			Interval: "25s", Timeout: "31s", StartPeriod: "1m", StartInterval: "4s", Retries: 8,
		}), `["a" "b"] shell=false retries=8 25s 31s 1m0s 4s`},
		"set to a shell": {base.WithDockerHealthcheck([]string{"a b"}, dagger.ContainerWithDockerHealthcheckOpts{Shell: true}), `["a b"] shell=true retries=0 0s 0s 0s 0s`},
		"removed":        {built("HEALTHCHECK CMD date").WithoutDockerHealthcheck(), "[] shell=false retries=0    "},
	} {
		if got := health(t, step.ct); got != step.want {
			t.Errorf("%s: got %s, want %s", name, got, step.want)
		}
		if got := health(t, exported(step.ct)); got != step.want {
			t.Errorf("%s, exported: got %s, want %s", name, got, step.want)
		}
	}
	for args, want := range map[string]string{"": "WithHealthcheck args must be a single element when shell mode is set", "x": `time: invalid duration "often"`} {
		_, err := base.WithDockerHealthcheck(strings.Fields(args), dagger.ContainerWithDockerHealthcheckOpts{Shell: true, Interval: "often"}).Sync(ctx)
		testenv.WantError(t, err, want)
	}
}
