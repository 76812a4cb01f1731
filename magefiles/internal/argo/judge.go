package argo

import (
	"fmt"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// stage is the progress of an Application towards a commit.
type stage int

const (
	behind     stage = iota // it does not follow a revision with the commit, as far as Argo CD knows
	ready                   // it follows one, and is not synced to it yet
	running                 // an operation is running
	failed                  // the latest sync of a revision with the commit failed
	comparing               // it was synced, and not compared since
	differing               // it was synced, and differs from the repository
	notHealthy              // it is synced, but not healthy
	deployed                // it is synced and healthy
)

// verdict is the meaning of one state of an Application.
type verdict struct {
	stage    stage
	says     string     // a clause for people; "" if deployed
	holding  []Resource // resources that are waited for
	resolved bool       // the compared revision has the commit
	prune    bool       // the only difference is resources to delete
	troubled bool       // Argo CD cannot compare it
	refused  bool       // an operation was refused, and Argo CD tries again
	latest   mark       // of the operation that was judged; zero if there is none
	auto     bool       // Argo CD itself began that operation
}

// mark identifies an operation.
type mark struct {
	started, finished time.Time
	phase, revision   string
	message           string
}

// judge says what a state of an Application means for a commit. ours reports whether a revision is that commit or a descendant of it. The
// commit only counts as deployed if the latest sync of all of the Application was to such a revision and succeeded, and a later comparison,
// also with such a revision, found the cluster equal to it: Healthy at an older revision does not count.
func judge(a *application, ours func(revision string) bool) verdict {
	v := verdict{resolved: ours(a.Status.Sync.Revision), troubled: a.trouble() != ""}
	s := a.Status.OperationState
	if s != nil {
		v.latest = mark{s.StartedAt, s.FinishedAt, s.Phase, s.SyncResult.Revision, s.Message}
		v.auto = s.Operation.InitiatedBy.Automated
	}
	switch {
	case a.Operation != nil || s != nil && s.Phase != phaseSuccess && s.Phase != phaseFailed && s.Phase != phaseError:
		v.judgeRunning(a, s)
	case s == nil:
		v.judgeUnsynced(a)
	case !s.Operation.whole() && ours(a.lastSynced()): // such as auto-sync that healed a single resource since
		v.judgeSynced(a, s)
	case !s.Operation.whole():
		v.judgeUnsynced(a)
	case s.Phase != phaseSuccess && (s.SyncResult.Revision == "" || ours(s.SyncResult.Revision)):
		v.stage, v.says, v.holding = failed, "the sync failed", s.refused()
		v.quote(s.Message)
	case s.Phase != phaseSuccess || !ours(s.SyncResult.Revision):
		v.judgeUnsynced(a)
	default:
		v.judgeSynced(a, s)
	}
	return v
}

func (v *verdict) judgeRunning(a *application, s *operationState) {
	v.stage, v.says = running, "a sync is about to start"
	if s == nil || s.Phase == "" {
		return
	}
	v.holding = s.refused()
	v.refused = len(v.holding) > 0
	v.says, v.holding = "a sync is running", append(v.holding, s.awaited()...)
	if r := s.SyncResult.Revision; r != "" {
		v.says += " to " + short(r)
	}
	if by := plain.OneLine(s.Operation.InitiatedBy.Username); by != "" {
		v.says += ", started by " + by
	}
	v.quote(s.Message)
}

// quote adds Argo CD's message, without the text that the resources have anyway.
func (v *verdict) quote(message string) {
	message = plain.OneLine(message)
	for _, r := range v.holding {
		if r.Message != "" {
			message = strings.ReplaceAll(message, r.Message, "…")
		}
	}
	if message != "" {
		v.says += " (" + message + ")"
	}
}

func (v *verdict) judgeUnsynced(a *application) {
	v.stage, v.says = ready, "it is not synced yet to "+short(a.Status.Sync.Revision)
	if !v.resolved {
		target := plain.OneLine(a.Spec.Source.TargetRevision)
		if target == "" {
			target = "HEAD"
		}
		v.stage, v.says = behind, "Argo CD has not resolved "+target+" yet"
		switch {
		case commitHash.MatchString(a.Status.Sync.Revision):
			v.says = fmt.Sprintf("it follows %s, which Argo CD resolved to %s, without the commit", target, short(a.Status.Sync.Revision))
		case v.troubled:
			v.says = "Argo CD cannot resolve " + target
		}
	}
	v.quote(a.trouble())
}

func (v *verdict) judgeSynced(a *application, s *operationState) {
	status := a.Status.Sync.Status
	switch {
	case !v.resolved || a.Status.ReconciledAt.IsZero() || a.Status.ReconciledAt.Before(s.FinishedAt):
		v.stage, v.says = comparing, "it is synced, but not compared since"
	case status == outOfSync && a.Status.Sync.Revision != a.lastSynced():
		v.stage, v.says = ready, "it is synced, but not yet to the newer "+short(a.Status.Sync.Revision)
	case status == outOfSync:
		v.stage, v.says = differing, "it is synced, but differs from the repository"
		v.holding, v.prune = a.differing()
	case status != synced:
		v.stage, v.says = comparing, "it is synced, but cannot be compared"
	case a.Status.Health.Status != healthy:
		v.stage, v.says = notHealthy, "it is synced, but "+orUnknown(a.Status.Health.Status)
		v.holding = a.unhealthy()
		v.quote(a.Status.Health.Message)
	default:
		v.stage = deployed
	}
	if v.stage != deployed {
		v.quote(a.trouble())
	}
}

// short is a revision shortened for people.
func short(revision string) string {
	if commitHash.MatchString(revision) {
		return revision[:12]
	}
	return orUnknown(revision)
}

func orUnknown(word string) string {
	if word = plain.OneLine(word); word == "" {
		return "unknown"
	}
	return word
}
