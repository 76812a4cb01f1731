package lab

import (
	"encoding/json"
	"errors"
	"fmt"
)

// siteDeployment is the part of a Deployment of Kubernetes (apps/v1) that the site reads.
type siteDeployment struct {
	Metadata struct {
		Generation  int64             `json:"generation"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		Replicas *int32 `json:"replicas"`
		Template struct {
			Spec struct {
				Containers []siteContainer `json:"containers"`
			} `json:"spec"`
		} `json:"template"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration int64 `json:"observedGeneration"`
		Replicas           int32 `json:"replicas"`
		UpdatedReplicas    int32 `json:"updatedReplicas"`
		AvailableReplicas  int32 `json:"availableReplicas"`
	} `json:"status"`
}

type siteContainer struct {
	Name string `json:"name"`
	Env  []struct {
		Name      string          `json:"name"`
		Value     string          `json:"value"`
		ValueFrom json.RawMessage `json:"valueFrom"`
	} `json:"env"`
}

// replicas is the number of requested pods; the default is one.
func (d siteDeployment) replicas() int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}

// rolloutState is the reason why the rollout is not complete; "" if it is. It uses the same rules as kubectl rollout status.
func (d siteDeployment) rolloutState() string {
	status := d.Status
	switch {
	case status.ObservedGeneration < d.Metadata.Generation:
		return fmt.Sprintf("generation %d is not observed yet (observed: %d)", d.Metadata.Generation, status.ObservedGeneration)
	case status.UpdatedReplicas < d.replicas():
		return fmt.Sprintf("%d of %d replicas are updated", status.UpdatedReplicas, d.replicas())
	case status.Replicas > status.UpdatedReplicas:
		return fmt.Sprintf("%d old replicas are still there", status.Replicas-status.UpdatedReplicas)
	case status.AvailableReplicas < status.UpdatedReplicas:
		return fmt.Sprintf("%d of %d updated replicas are available", status.AvailableReplicas, status.UpdatedReplicas)
	default:
		return ""
	}
}

// SiteRelease is the release of a revision of the Deployment. Another revision means other pods, which fetch again even with the same URL.
type SiteRelease struct {
	URL      string // DOCS_RELEASE_URL
	SHA256   string // DOCS_RELEASE_SHA256; "" if it is not set
	Revision string // of the Deployment, as kubectl rollout history counts them
}

// revisionAnnotation is the annotation in which the deployment controller counts the revisions.
const revisionAnnotation = "deployment.kubernetes.io/revision"

// release reads the release from the env of the first container that has a DOCS_RELEASE_URL.
func (d siteDeployment) release() (SiteRelease, error) {
	r := SiteRelease{Revision: d.Metadata.Annotations[revisionAnnotation]}
	for _, c := range d.Spec.Template.Spec.Containers {
		for _, e := range c.Env {
			var variable *string
			switch e.Name {
			case "DOCS_RELEASE_URL":
				variable = &r.URL
			case "DOCS_RELEASE_SHA256":
				variable = &r.SHA256
			default:
				continue
			}
			if e.ValueFrom != nil {
				return SiteRelease{}, fmt.Errorf("%s of container %s uses valueFrom, which the lab does not support: set its value directly", e.Name, c.Name)
			}
			*variable = e.Value
		}
		if r.URL != "" {
			return r, nil
		}
	}
	return SiteRelease{}, errors.New("DOCS_RELEASE_URL is missing in the env of the containers: set it to the URL of a docs-VERSION.tar.gz")
}
