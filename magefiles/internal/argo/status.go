package argo

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// State is the state of an Application as Argo CD reports it.
type State struct {
	Name           string
	Project        string
	TargetRevision string // the followed revision, such as main; "" is HEAD
	AutoSync       bool

	Revision string // the compared revision
	Deployed string // revision of the latest sync that succeeded; "" if none did
	Sync     string // Synced, OutOfSync or Unknown
	Health   string // Healthy, Progressing, Degraded, Suspended, Missing or Unknown
	Phase    string // of the latest operation: Running, Succeeded, Failed, Error, Terminating; "" if there is none
	Trouble  string // why Argo CD cannot compare it; "" if it can

	Images    []string
	OutOfSync []Resource // that differ from the repository
	Unhealthy []Resource
	Prune     []Resource // that a sync with pruning would delete
}

// Deployed reports whether an Application has a commit deployed, by the rules of Deploy, and changes nothing. It reads Commit and Contains of
// want. If it is not deployed, says describes the progress. The error is an *Error, one of Contains, or why ctx ended.
func (c *Client) Deployed(ctx context.Context, app string, want Want) (is bool, says string, err error) {
	a, err := c.read(ctx, app)
	if err != nil {
		return false, "", err
	}
	d := &deployment{Client: c, app: app, want: want, known: map[string]bool{want.Commit: true}}
	v := judge(a, func(revision string) bool { return d.ours(ctx, revision) })
	if d.trouble != nil {
		return false, "", d.trouble
	}
	return v.stage == deployed, Progress{Says: v.says, Holding: v.holding}.String(), nil
}

func (a *application) state() State {
	s := State{
		Name: a.Metadata.Name, Project: plain.OneLine(a.Spec.Project),
		TargetRevision: plain.OneLine(a.Spec.Source.TargetRevision),
		Revision:       plain.OneLine(a.Status.Sync.Revision), Deployed: plain.OneLine(a.lastSynced()),
		Sync: orUnknown(a.Status.Sync.Status), Health: orUnknown(a.Status.Health.Status), Trouble: a.trouble(),
		Unhealthy: a.unhealthy(), Prune: a.pruned(),
	}
	s.AutoSync, _ = a.auto()
	s.OutOfSync, _ = a.differing()
	for _, i := range a.Status.Summary.Images {
		s.Images = append(s.Images, plain.OneLine(i))
	}
	if o := a.Status.OperationState; o != nil {
		s.Phase = plain.OneLine(o.Phase)
	} else if a.Operation != nil {
		s.Phase = "Running"
	}
	return s
}

// lastSynced is the revision of the latest sync that succeeded. The history has it even while another sync runs.
func (a *application) lastSynced() string {
	if o := a.Status.OperationState; o != nil && o.Phase == phaseSuccess && o.Operation.whole() {
		return o.SyncResult.Revision
	}
	if h := a.Status.History; len(h) > 0 {
		return h[len(h)-1].Revision
	}
	return ""
}

// read gets an Application of a supported kind.
func (c *Client) read(ctx context.Context, app string) (*application, error) {
	a := &application{}
	err := c.check(app)
	if err == nil {
		err = c.ask(ctx, get(app, "applications/"+app), a)
	}
	if err == nil {
		err = c.handled(app, a)
	}
	if denial := denialOf(err); denial != nil {
		err = c.unseen(ctx, app, denial)
	}
	return a, err
}

// readOnce makes a request whose answer is an Application, without retries.
func (c *Client) readOnce(ctx context.Context, r request) (*application, error) {
	a := &application{}
	err := c.check(r.app)
	if err == nil {
		err = c.once(ctx, r, a)
	}
	if err == nil {
		err = c.handled(r.app, a)
	}
	return a, err
}

// check keeps invalid names out of URLs.
func (c *Client) check(app string) error {
	if applicationName.MatchString(app) {
		return nil
	}
	return c.fail(plain.OneLine(app), &Error{Kind: ErrRejected, Problem: "invalid Application name", hint: "give only the name, in lower case, such as docs"})
}

// handled refuses Applications whose revision is not a commit of a single repository.
func (c *Client) handled(app string, a *application) error {
	refuse := func(problem, hint string) error {
		return c.fail(app, &Error{Kind: ErrUnsupported, Problem: problem, hint: hint})
	}
	switch {
	case a.Metadata.Name != app:
		return c.fail(app, &Error{
			Kind: ErrRejected, Problem: "the answer is about another Application",
			hint: "check the address, and that no cache is in front of Argo CD",
		})
	case len(a.Spec.Sources) > 0:
		return refuse("it has several sources (spec.sources), which are not supported", "use one source (spec.source)")
	case a.Spec.SourceHydrator != nil:
		return refuse("its manifests are hydrated to another branch (spec.sourceHydrator), whose commits are not the release's", "use its own source (spec.source)")
	case a.Spec.Source.Chart != "":
		return refuse("its source is a Helm chart, whose versions are not commits", "use a folder of the git repository")
	}
	return nil
}

const nobody = "ROLE"

// account is the account of the token, or the constant nobody if it is unknown.
func (c *Client) account(ctx context.Context) string {
	var who struct {
		Username string `json:"username"`
	}
	r := request{method: http.MethodGet, path: "session/userinfo"}
	if err := c.once(ctx, r, &who); err != nil || who.Username == "" {
		return nobody
	}
	return plain.OneLine(who.Username)
}

// allowed asks whether the token may do an action on an Application.
func (c *Client) allowed(ctx context.Context, a *application, action string) (bool, error) {
	var can struct {
		Value string `json:"value"`
	}
	path := "account/can-i/applications/" + action + "/" + url.PathEscape(a.project()) + "/" + a.Metadata.Name
	if err := c.ask(ctx, get(a.Metadata.Name, path), &can); err != nil {
		return false, err
	}
	if !slices.Contains([]string{"yes", "no"}, can.Value) {
		return false, c.fail(a.Metadata.Name, &Error{Kind: ErrRejected, Problem: "no answer whether the token may " + action + " it"})
	}
	return can.Value == "yes", nil
}

func (a *application) project() string {
	if a.Spec.Project == "" {
		return "default"
	}
	return a.Spec.Project
}
