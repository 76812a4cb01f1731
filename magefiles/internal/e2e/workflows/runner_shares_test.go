package workflows

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"go.yaml.in/yaml/v3"
)

// TestRunnerShares checks that no job can write what another job reads: the runner mounts nothing into jobs, and jobs without the secrets of the
// repository have no access to Docker.
func TestRunnerShares(t *testing.T) {
	dir := filepath.Join(e2etest.Root(), "argocd", "manifests", "forgejo-runner")
	var config struct {
		Runner    struct{ Envs map[string]string }
		Cache     struct{ Enabled *bool }
		Container struct {
			DockerHost   string   `yaml:"docker_host"`
			ValidVolumes []string `yaml:"valid_volumes"`
			Options      string
			Privileged   bool
		}
	}
	readYAML(t, filepath.Join(dir, "config.yaml"), &config)
	c := config.Container
	if c.DockerHost != "-" || len(c.ValidVolumes) > 0 || c.Options != "" || c.Privileged || config.Cache.Enabled == nil || *config.Cache.Enabled {
		t.Errorf("the runner gives a job more than its image: %+v, cache %v", c, config.Cache)
	}
	var deployment struct {
		Spec struct {
			Template struct {
				Spec struct {
					InitContainers []struct {
						Name string
						Args []string
					} `yaml:"initContainers"`
				}
			}
		}
	}
	readYAML(t, filepath.Join(dir, "deployment.yaml"), &deployment)
	var listens, args []string
	for _, container := range deployment.Spec.Template.Spec.InitContainers {
		if container.Name == "docker" {
			args = container.Args
		}
	}
	for _, arg := range args {
		if host, ok := strings.CutPrefix(arg, "--host="); ok && !strings.HasPrefix(host, "unix:///run/job-docker/") {
			listens = append(listens, host)
		}
	}
	if !slices.Equal(listens, []string{config.Runner.Envs["DOCKER_HOST"]}) || !slices.Contains(args, "--tlsverify") || config.Runner.Envs["DOCKER_TLS_VERIFY"] == "" {
		t.Errorf("Docker listens on %q, and jobs use %v", args, config.Runner.Envs)
	}
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
