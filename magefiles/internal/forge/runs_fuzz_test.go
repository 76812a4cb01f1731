package forge

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// FuzzRuns checks that runs and jobs made from any list of a forge may be shown to people.
func FuzzRuns(f *testing.F) {
	for _, text := range []string{
		`[{"id":8,"path":"build.yaml@refs/tags/t","head_sha":"c","run_number":2,"status":"in_progress","html_url":"https://f.example/r/2"}]`,
		`[{"id":8,"workflow_id":"../build.yaml","prettyref":"t","commit_sha":"c","index_in_repo":2,"status":"waiting"}]`,
		`[{"id":1,"name":"a","workflow_id":"\u001b[31m","head_branch":"t","head_sha":"c","run_number":-2,"status":"\u0000"},{"head_branch":"t","head_sha":"c","run_number":-2,"status":"running"}]`,
		`{"jobs":[{"id":4,"name":"tag\n","labels":["\u202edocker"],"status":"completed","conclusion":"failure","html_url":"javascript:alert(1)","steps":[{"name":"x","started_at":"2026-01-01T00:00:00Z"}]}]}`,
		`[{"id":4,"name":"tag","runs_on":["docker"],"status":"waiting","steps":[{"started_at":5},{"started_at":null}]}]`, `null`, `[null]`, `{}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var runs listedRuns
		if json.Unmarshal(text, &runs) == nil {
			all := ofTasks(runs)
			for _, l := range runs.of("t", "c") {
				all = append(all, l.run())
			}
			for _, r := range all {
				fit(t, r.State, r.URL, r.Workflow)
				if strings.Contains(r.Workflow, "/") && r.Workflow != "/" {
					t.Errorf("workflow %q", r.Workflow)
				}
			}
		}
		var jobs listedJobs
		if json.Unmarshal(text, &jobs) == nil {
			for _, l := range jobs {
				j := l.job()
				fit(t, j.State, j.URL, append(j.Labels, j.Name, j.Step, j.Runner)...)
			}
		}
	})
}

// fit fails for text that must not be shown to people, and for an unknown state.
func fit(t *testing.T, state vcs.RunState, address string, texts ...string) {
	t.Helper()
	if _, known := weight[state]; !known {
		t.Errorf("state %q", state)
	}
	for _, text := range append(texts, address) {
		if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
			t.Errorf("%q does not print", text)
		}
	}
	if u, err := url.Parse(address); address != "" && (err != nil || u.Host == "" || !strings.HasPrefix(u.Scheme, "http")) {
		t.Errorf("address %q", address)
	}
}
