package pipeline

import (
	_ "embed"
	"errors"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// npmScript runs npm, and ends it when a certificate is refused: npm retries for 70 s, and may then end without mentioning it ("Exit handler
// never called!").
//
//go:embed npm.js
var npmScript string

// npmCI is the command that the script runs.
var npmCI = []string{"npm", "ci", "--no-audit", "--no-fund"}

// explainNPM makes the error of a certificate that npm refused readable. The command of the error is npm's, not the script's.
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

// refusedAddress is the scheme and the host in npm's error.
func refusedAddress(said string) string {
	_, after, ok := strings.Cut(said, "npm http fetch GET https://")
	if !ok {
		return ""
	}
	authority := after[:max(0, strings.IndexAny(after+"/", "/ \n"))]
	return "https://" + authority[strings.LastIndex(authority, "@")+1:]
}
