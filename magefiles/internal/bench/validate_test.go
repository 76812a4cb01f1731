package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/scale"
)

// markdownlintFolder is the environment variable that names a folder in which `npm install markdownlint-cli2` was run.
const markdownlintFolder = "BLUMEOPS_BENCH_MARKDOWNLINT"

// BenchmarkValidate: validate over 1,000 pages, 100 containers, 300 manifests and 10 workflows, compared with the usual Markdown and workflow
// linters over the same files: npm's markdownlint-cli2, and then the actionlint command. "same" runs the equivalent checks, "all" every check;
// their ratios are to the sum of the two others.
func BenchmarkValidate(b *testing.B) {
	mage, repo := compile(b), repository(b, scale.Times(1))
	jobs := command{name: "actionlint", dir: repo, args: []string{actionlint(b), "-config-file", actionlintConfig(b), "-shellcheck=", "-pyflakes=", "-no-color"}}
	files, err := filepath.Glob(filepath.Join(repo, ".forgejo/workflows/*.yaml"))
	must(b, err)
	jobs.args = append(jobs.args, files...)
	same, all := validate(mage, repo, "-only=markdown,workflows"), validate(mage, repo, "-only=")
	same.name, all.name = "same", "all"
	used := inTurn(b, same, all, markdownlint(b, repo), jobs)
	for k, name := range []string{"same", "all"} {
		var ratios []float64
		for i := range b.N {
			ratios = append(ratios, used[k][i].wall.Seconds()/(used[2][i].wall+used[3][i].wall).Seconds())
		}
		b.ReportMetric(median(ratios), name+"-ratio")
	}
}

// inTurn times commands one after the other, b.N times after a run of each that does not count. A loaded machine increases the time of a process,
// but hardly its CPU time: cpu-ms is the median of that.
func inTurn(b *testing.B, commands ...command) [][]usage {
	b.Helper()
	used := make([][]usage, len(commands))
	for i := range b.N + 1 {
		for k, c := range commands {
			if u := c.run(b); i > 0 {
				used[k] = append(used[k], u)
			}
		}
	}
	for k, c := range commands {
		report(b, c.name, used[k])
		var cpu []float64
		for _, u := range used[k] {
			cpu = append(cpu, u.cpu.Seconds()*1e3)
		}
		b.ReportMetric(median(cpu), c.name+"-cpu-ms")
	}
	b.ReportMetric(0, "ns/op")
	return used
}

// BenchmarkValidateScale: validate alone, as a process, over 10 and 1 times as many files.
func BenchmarkValidateScale(b *testing.B) {
	mage := compile(b)
	for _, n := range []int{1, 10} {
		b.Run(fmt.Sprintf("%dx", n), func(b *testing.B) {
			inTurn(b, validate(mage, repository(b, scale.Times(n)), "-only="))
		})
	}
}

// BenchmarkValidateStart: validate over 100 pages, compared with the same program listing its targets. beyond-ms is the median of the pairs'
// differences.
func BenchmarkValidateStart(b *testing.B) {
	mage, repo := compile(b), repository(b, scale.Size{Pages: 100})
	ours, list := validate(mage, repo, "-only="), command{name: "list", dir: repo, args: []string{mage, "-l"}}
	used := inTurn(b, ours, list)
	var beyond []float64
	for i := range b.N {
		beyond = append(beyond, (used[0][i].wall-used[1][i].wall).Seconds()*1e3)
	}
	b.ReportMetric(median(beyond), "beyond-ms")
}

func validate(mage, repo, only string) command {
	return command{name: "validate", dir: repo, args: []string{mage, "validate", only}, env: []string{
		"BLUMEOPS_REGISTRY=" + scale.Registry, "BLUMEOPS_NAMESPACE=" + scale.Namespace, "BLUMEOPS_DOCS=" + scale.Docs, "BLUMEOPS_MANIFESTS=" + scale.Manifests,
		"BLUMEOPS_FORGE_URL=" + scale.Forge, "BLUMEOPS_OWNER=" + scale.Owner, "BLUMEOPS_REPOSITORY=" + scale.Repository,
	}}
}

// repository makes a git repository of that size, whose files are all tracked.
func repository(b *testing.B, size scale.Size) string {
	b.Helper()
	dir := b.TempDir()
	_, err := scale.Write(dir, size)
	must(b, err)
	git(b, dir, nil, "init", "--quiet", "--initial-branch=main")
	git(b, dir, nil, "add", "--all")
	git(b, dir, nil, "commit", "--quiet", "--message=start")
	return dir
}

// markdownlint is markdownlint-cli2 over all Markdown of a repository. It reads the same rule settings as our check.
func markdownlint(b *testing.B, repo string) command {
	b.Helper()
	program, err := exec.LookPath("markdownlint-cli2")
	if folder := os.Getenv(markdownlintFolder); folder != "" {
		program, err = exec.LookPath(filepath.Join(folder, "node_modules", ".bin", "markdownlint-cli2"))
	}
	if err != nil {
		b.Skipf("no markdownlint-cli2: %v; run npm install markdownlint-cli2 in a folder that %s names", err, markdownlintFolder)
	}
	return command{name: "markdownlint", dir: repo, args: []string{program, "**/*.md"}}
}

// actionlint compiles the command of the module that our check uses as a library.
func actionlint(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "actionlint")
	command{dir: testenv.Root(b), args: []string{"go", "build", "-o", program, "github.com/rhysd/actionlint/cmd/actionlint"}}.run(b)
	return program
}

// actionlintConfig names the label of Forgejo's runner.
func actionlintConfig(b *testing.B) string {
	b.Helper()
	config := filepath.Join(b.TempDir(), "actionlint.yaml")
	must(b, os.WriteFile(config, []byte("self-hosted-runner:\n  labels: [docker]\n"), 0o644))
	return config
}
