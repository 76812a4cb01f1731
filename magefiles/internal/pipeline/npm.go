package pipeline

import (
	_ "embed"
	"errors"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// npmScript runs npm, and ends it as soon as a certificate is refused: npm tries again for 70 s, and then may end without a word of it
// ("Exit handler never called!").
//
//go:embed npm.js
var npmScript string

// npmCI is what it runs.
var npmCI = []string{"npm", "ci", "--no-audit", "--no-fund"}

// explainNPM makes readable that npm refused a certificate. The command of an error is npm's, not the script's.
func explainNPM(err error) error {
	err = explain(err)
	var step *StepError
	if !errors.As(err, &step) {
		return err
	}
	step.Command = npmCI
	refused, ok := trust.Said(step.Stderr)
	if !ok {
		return err
	}
	text := "npm ci: the certificate of its registry is refused (" + refused.Problem + ")"
	if address := refusedAddress(step.Stderr); address != "" {
		text = "npm ci: the certificate of " + address + " is refused (" + refused.Problem + ")"
	}
	return &engineError{text, refused.Do, err}
}

// refusedAddress is the scheme and the host that npm names beside its error.
func refusedAddress(said string) string {
	_, after, ok := strings.Cut(said, "npm http fetch GET https://")
	if !ok {
		return ""
	}
	authority := after[:max(0, strings.IndexAny(after+"/", "/ \n"))]
	return "https://" + authority[strings.LastIndex(authority, "@")+1:]
}
