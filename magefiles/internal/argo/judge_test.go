package argo

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

var (
	commitA = strings.Repeat("a", 40) // the commit that testdata/deployed.json, an answer of Argo CD 3.2.11, has deployed
	commitB = strings.Repeat("b", 40) // another one
)

// answer is the recorded answer with changes: null deletes, as in a JSON merge patch.
func answer(t testing.TB, change string) *application {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "deployed.json"))
	must0(t, err)
	var whole, patch map[string]any
	must0(t, json.Unmarshal(text, &whole))
	must0(t, json.Unmarshal([]byte(change), &patch))
	merge(whole, patch)
	text, err = json.Marshal(whole)
	must0(t, err)
	a := &application{}
	must0(t, json.Unmarshal(text, a))
	return a
}

func must0(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func merge(into, patch map[string]any) {
	for name, value := range patch {
		below, ok := value.(map[string]any)
		old, both := into[name].(map[string]any)
		switch {
		case value == nil:
			delete(into, name)
		case ok && both:
			merge(old, below)
		default:
			into[name] = value
		}
	}
}

const (
	deploymentResource = `{"group":"apps","kind":"Deployment","namespace":"docs","name":"docs",`
	onB                = `"syncResult":{"revision":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}`
	comparedB          = `"sync":{"status":"Synced","revision":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}`
	differsB           = `"sync":{"status":"OutOfSync","revision":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}`
)

func TestJudge(t *testing.T) {
	onlyA := func(r string) bool { return r == commitA }
	onlyB := func(r string) bool { return r == commitB }
	both := func(r string) bool { return r == commitA || r == commitB }
	for name, try := range map[string]struct {
		change  string
		ours    func(string) bool
		want    stage
		says    string
		holding string
	}{
		"deployed":                         {`{}`, onlyA, deployed, "", ""},
		"healthy on another":               {`{}`, onlyB, behind, "it follows main, which Argo CD resolved to aaaaaaaaaaaa, without the commit", ""},
		"synced to a descendant":           {`{"status":{"operationState":{` + onB + `},` + comparedB + `}}`, both, deployed, "", ""},
		"never compared":                   {`{"status":null}`, onlyA, behind, "Argo CD has not resolved main yet", ""},
		"of no target":                     {`{"status":null,"spec":{"source":{"targetRevision":null}}}`, onlyA, behind, "Argo CD has not resolved HEAD yet", ""},
		"refreshed, not synced":            {`{"status":{` + differsB + `}}`, onlyB, ready, "it is not synced yet to bbbbbbbbbbbb", ""},
		"refreshed, without a change":      {`{"status":{` + comparedB + `}}`, onlyB, ready, "it is not synced yet to bbbbbbbbbbbb", ""},
		"synced, a newer one is there":     {`{"status":{` + differsB + `}}`, both, ready, "it is synced, but not yet to the newer bbbbbbbbbbbb", ""},
		"synced, compared with an old one": {`{"status":{"operationState":{` + onB + `}}}`, onlyB, comparing, "it is synced, but not compared since", ""},
		"synced, compared before":          {`{"status":{"reconciledAt":"2026-11-22T01:28:51Z"}}`, onlyA, comparing, "it is synced, but not compared since", ""},
		"synced, never compared":           {`{"status":{"reconciledAt":null}}`, onlyA, comparing, "it is synced, but not compared since", ""},
		"synced, not to be compared": {
			`{"status":{"sync":{"status":"Unknown"},"conditions":[{"type":"ComparisonError","message":"no  such\npath"}]}}`,
			onlyA, comparing, "it is synced, but cannot be compared (no such path)", "",
		},
		"not to be compared": {
			`{"status":{"sync":{"revision":""},"operationState":null,"conditions":[{"type":"OrphanedResourceWarning","message":"x"},{"type":"ComparisonError","message":"no path"}]}}`,
			onlyA, behind, "Argo CD cannot resolve main (no path)", "",
		},
		"asked for":   {`{"operation":{"sync":{}}}`, onlyA, running, "a sync is running to aaaaaaaaaaaa, started by ci (successfully synced (all tasks run))", ""},
		"just asked":  {`{"operation":{"sync":{}},"status":{"operationState":null}}`, onlyA, running, "a sync is about to start", ""},
		"terminating": {`{"status":{"operationState":{"phase":"Terminating","message":""}}}`, onlyA, running, "a sync is running to aaaaaaaaaaaa, started by ci", ""},
		"hook": {
			`{"status":{"operationState":{"phase":"Running","message":"waiting","syncResult":{"resources":[{"kind":"Job","namespace":"docs","name":"before","hookPhase":"Running","hookType":"PreSync"}]}}}}`,
			onlyA, running, "a sync is running to aaaaaaaaaaaa, started by ci (waiting)", "Job docs/before: Running",
		},
		"tried again": {
			`{"status":{"operationState":{"phase":"Running","message":"it failed: denied. Retrying attempt #1","syncResult":{"resources":[` + deploymentResource + `"status":"SyncFailed","message":"denied"}]}}}}`,
			onlyA, running, "a sync is running to aaaaaaaaaaaa, started by ci (it failed: …. Retrying attempt #1)", "Deployment docs/docs: SyncFailed: denied",
		},
		"failed": {
			`{"status":{"operationState":{"phase":"Failed","message":"it failed","syncResult":{"resources":[` + deploymentResource + `"status":"SyncFailed","message":"denied"}]}}}}`,
			onlyA, failed, "the sync failed (it failed)", "Deployment docs/docs: SyncFailed: denied",
		},
		"hook failed": {
			`{"status":{"operationState":{"phase":"Failed","message":"","syncResult":{"resources":[{"kind":"Job","name":"before","hookPhase":"Failed","message":"exit 1"}]}}}}`,
			onlyA, failed, "the sync failed", "Job before: Failed: exit 1",
		},
		"error before a revision":  {`{"status":{"operationState":{"phase":"Error","message":"no such repository","syncResult":null}}}`, onlyB, failed, "the sync failed (no such repository)", ""},
		"failed on another":        {`{"status":{"operationState":{"phase":"Failed"}}}`, onlyB, behind, "it follows main, which Argo CD resolved to aaaaaaaaaaaa, without the commit", ""},
		"failed before":            {`{"status":{"operationState":{"phase":"Failed"},` + differsB + `}}`, onlyB, ready, "it is not synced yet to bbbbbbbbbbbb", ""},
		"synced in part":           {`{"status":{"history":null,"operationState":{"operation":{"sync":{"resources":[{"kind":"Deployment","name":"docs"}]}}}}}`, onlyA, ready, "it is not synced yet to aaaaaaaaaaaa", ""},
		"healed since":             {`{"status":{"operationState":{"operation":{"sync":{"resources":[{"kind":"Deployment","name":"docs"}]}}}}}`, onlyA, deployed, "", ""},
		"another one healed since": {`{"status":{"operationState":{"operation":{"sync":{"resources":[{"kind":"Deployment","name":"docs"}]}},` + onB + `},` + comparedB + `}}`, onlyB, ready, "it is not synced yet to bbbbbbbbbbbb", ""},
		"tried without doing":      {`{"status":{"history":null,"operationState":{"operation":{"sync":{"dryRun":true}}}}}`, onlyA, ready, "it is not synced yet to aaaaaaaaaaaa", ""},
		"synced from a local tree": {`{"status":{"history":[],"operationState":{"operation":{"sync":{"manifests":["{}"]}}}}}`, onlyA, ready, "it is not synced yet to aaaaaaaaaaaa", ""},
		"no sync at all":           {`{"status":{"history":null,"operationState":{"operation":{"sync":null}}}}`, onlyA, ready, "it is not synced yet to aaaaaaaaaaaa", ""},
		"differs": {
			`{"status":{"sync":{"status":"OutOfSync"},"resources":[` + deploymentResource + `"status":"Synced"},{"kind":"StatefulSet","name":"db","namespace":"docs","status":"OutOfSync"},{"kind":"Job","name":"x","hook":true,"status":"OutOfSync"}]}}`,
			onlyA, differing, "it is synced, but differs from the repository", "StatefulSet docs/db: OutOfSync",
		},
		"progressing": {
			`{"status":{"health":{"status":"Progressing"},"resources":[` + deploymentResource + `"status":"Synced","health":{"status":"Progressing","message":"0 of 1"}},{"kind":"Pod","name":"p","health":{"status":"Degraded"}},{"kind":"Service","name":"s"}]}}`,
			onlyA, unwell, "it is synced, but Progressing", "Pod p: Degraded; Deployment docs/docs: Progressing: 0 of 1",
		},
		"health unknown": {`{"status":{"health":{"status":"","message":"lost"}}}`, onlyA, unwell, "it is synced, but unknown (lost)", ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := judge(answer(t, try.change), try.ours)
			if v.stage != try.want || v.says != try.says || list(v.holding) != try.holding {
				t.Errorf("got %d, %q, %q\nwant %d, %q, %q", v.stage, v.says, list(v.holding), try.want, try.says, try.holding)
			}
			askDeployed(t, try.change, try.ours, v)
		})
	}
}

// askDeployed calls Deployed with Argo CD's answer: its result must be the same as that with which Deploy ends.
func askDeployed(t *testing.T, change string, ours func(string) bool, v verdict) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { must0(t, json.NewEncoder(w).Encode(answer(t, change))) }))
	defer server.Close()
	c := &Client{BaseURL: server.URL, Token: func(context.Context) (string, error) { return "token", nil }}
	is, says, err := c.Deployed(t.Context(), answer(t, change).Metadata.Name, Want{
		Commit: strings.Repeat("c", 40), Contains: func(_ context.Context, revision string) (bool, error) { return ours(revision), nil },
	})
	if err != nil || is != (v.stage == deployed) || !strings.HasPrefix(says, v.says) {
		t.Errorf("Deployed: %v, %q, %v; Deploy judges %d, %q", is, says, err, v.stage, v.says)
	}
}

func TestDecide(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	old, other := mark{phase: phaseFailed, message: "old"}, mark{phase: phaseFailed, message: "new"}
	const auto = `{"spec":{"syncPolicy":{"automated":{}}},"status":{"sync":{"status":"OutOfSync"}}}`
	done := memory{begun: true, first: old, refreshes: 1, refreshed: now.Add(-time.Hour)}
	with := func(change func(*memory)) memory { m := done; change(&m); return m }
	for name, try := range map[string]struct {
		app    string
		memory memory
		v      verdict
		want   action
	}{
		"deployed":                 {`{}`, memory{}, verdict{stage: deployed}, finish},
		"running":                  {`{}`, memory{}, verdict{stage: running}, look},
		"first":                    {`{}`, memory{}, verdict{stage: ready, resolved: true}, refresh},
		"first, failed before":     {`{}`, memory{tried: true}, verdict{stage: failed, latest: old}, refresh},
		"failed before":            {`{}`, done, verdict{stage: failed, latest: old, resolved: true}, syncNow},
		"failed before, elsewhere": {`{}`, done, verdict{stage: failed, latest: old}, refresh},
		"failed by others":         {`{}`, done, verdict{stage: failed, latest: other, resolved: true}, syncNow},
		"failed by auto-sync":      {`{}`, done, verdict{stage: failed, latest: other, auto: true}, giveUp},
		"failed by us":             {`{}`, with(func(m *memory) { m.tried = true }), verdict{stage: failed, latest: other}, giveUp},
		"ready":                    {`{}`, done, verdict{stage: ready, resolved: true}, syncNow},
		"ready, just synced":       {`{}`, with(func(m *memory) { m.syncs, m.asked = 1, now }), verdict{stage: ready, resolved: true}, look},
		"ready, auto-sync":         {auto, done, verdict{stage: ready, resolved: true}, look},
		"ready, auto-sync is off": {
			`{"spec":{"syncPolicy":{"automated":{"enabled":false}}},"status":{"sync":{"status":"OutOfSync"}}}`,
			done, verdict{stage: ready, resolved: true}, syncNow,
		},
		"ready, auto-sync had its time": {auto, with(func(m *memory) { m.waiting = now.Add(-autoTime) }), verdict{stage: ready, resolved: true}, syncNow},
		"ready, auto-sync sees nothing": {`{"spec":{"syncPolicy":{"automated":{}}}}`, done, verdict{stage: ready, resolved: true}, syncNow},
		"behind":                        {`{}`, done, verdict{stage: behind}, refresh},
		"behind, just refreshed":        {`{}`, with(func(m *memory) { m.refreshed = now }), verdict{stage: behind}, look},
		"behind for good":               {`{"spec":{"source":{"targetRevision":"` + commitA + `"}}}`, done, verdict{stage: behind}, giveUp},
		"troubled":                      {`{}`, done, verdict{stage: behind, troubled: true}, refresh},
		"troubled for long": {
			`{}`, with(func(m *memory) { m.refreshes, m.troubled = 5, now.Add(-time.Minute) }),
			verdict{stage: behind, troubled: true}, giveUp,
		},
		"troubled, and not any more": {
			`{}`, with(func(m *memory) { m.refreshes, m.troubled = 5, now.Add(-time.Minute) }), verdict{stage: behind}, refresh,
		},
		"comparing":               {`{}`, done, verdict{stage: comparing, resolved: true}, look},
		"comparing with another":  {`{}`, done, verdict{stage: comparing}, refresh},
		"differs":                 {`{}`, done, verdict{stage: differing, resolved: true}, syncNow},
		"differs, synced":         {`{}`, with(func(m *memory) { m.syncs = 1 }), verdict{stage: differing, resolved: true}, look},
		"to be pruned":            {`{}`, done, verdict{stage: differing, resolved: true, prune: true}, syncNow},
		"to be pruned, synced":    {`{}`, with(func(m *memory) { m.syncs = 1 }), verdict{stage: differing, resolved: true, prune: true}, giveUp},
		"to be pruned, auto-sync": {auto, done, verdict{stage: differing, resolved: true, prune: true}, giveUp},
		"unwell":                  {`{}`, done, verdict{stage: unwell, resolved: true}, look},
	} {
		t.Run(name, func(t *testing.T) {
			m := try.memory
			m.poll, m.newest = time.Second, answer(t, try.app)
			if got := m.decide(try.v, now); got != try.want {
				t.Errorf("got %d, want %d", got, try.want)
			}
		})
	}
}

func TestBelieve(t *testing.T) {
	for _, try := range []struct {
		first, second string
		want          bool
	}{
		{`{}`, `{}`, true},
		{`{"metadata":{"resourceVersion":"9"}}`, `{"metadata":{"resourceVersion":"10"}}`, true},
		{`{"metadata":{"resourceVersion":"10"}}`, `{"metadata":{"resourceVersion":"9"}}`, false},
		{`{"metadata":{"resourceVersion":"10"}}`, `{"metadata":{"resourceVersion":"9","uid":"another"}}`, true},
		{`{"metadata":{"resourceVersion":"10"}}`, `{"metadata":{"resourceVersion":"opaque"}}`, true},
	} {
		m := &memory{}
		if !m.believe(answer(t, try.first)) || m.believe(answer(t, try.second)) != try.want {
			t.Errorf("%s, then %s: want %t", try.first, try.second, try.want)
		}
	}
}

func TestState(t *testing.T) {
	s := answer(t, `{}`).state()
	want := State{
		Name: "app12", Project: "lab", TargetRevision: "main",
		Revision: commitA, Deployed: commitA, Sync: synced, Health: healthy, Phase: phaseSuccess,
		Images: []string{"example:v1"},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
	s = answer(t, `{"operation":{},"status":{"operationState":null}}`).state()
	if s.Phase != "Running" || s.Deployed != commitA {
		t.Errorf("one that is about to be synced: %+v", s)
	}
}

func TestHandled(t *testing.T) {
	for change, says := range map[string]string{
		`{"spec":{"sources":[{"repoURL":"x"}]}}`:   "spec.sources",
		`{"spec":{"sourceHydrator":{}}}`:           "spec.sourceHydrator",
		`{"spec":{"source":{"chart":"postgres"}}}`: "Helm chart",
		`{"metadata":{"name":"docs"}}`:             "about another Application",
	} {
		err := (&Client{}).handled("app12", answer(t, change))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: want %q, got %v", change, says, err)
		}
	}
	must0(t, (&Client{}).handled("app12", answer(t, `{}`)))
}

// FuzzJudge checks what judge must never do, with any answer.
func FuzzJudge(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "deployed.json"))
	must0(f, err)
	f.Add(text)
	for _, seed := range []string{
		`{}`, `null`, `{"status":{"operationState":{"phase":"Failed","message":"\u001b[31m\u202e"}}}`,
		`{"operation":{},"status":{"resources":[{"health":{}}]}}`,
		strings.ReplaceAll(string(text), healthy, "Degraded"), strings.ReplaceAll(string(text), synced, outOfSync),
		strings.ReplaceAll(string(text), commitA, commitB),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		a := &application{}
		if json.Unmarshal(text, a) != nil {
			return
		}
		v := judge(a, func(r string) bool { return r == commitA })
		line := Progress{v.says, v.holding}.String()
		if !utf8.ValidString(line) || len(line) > 20_000 || strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
			t.Errorf("not fit for a line: %q", line)
		}
		if v.stage != deployed {
			if v.says == "" {
				t.Error("nothing is said")
			}
			return
		}
		s := a.state()
		if s.Deployed != commitA || s.Revision != commitA || s.Sync != synced || s.Health != healthy || a.Operation != nil {
			t.Errorf("taken for deployed: %+v", s)
		}
		m := memory{poll: time.Second}
		m.believe(a)
		if m.decide(v, time.Now()) != finish {
			t.Error("deployed is not the end")
		}
	})
}
