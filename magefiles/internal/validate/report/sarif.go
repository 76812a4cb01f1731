package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

const (
	// root is the common name in SARIF tools for the base of relative paths.
	root = "%SRCROOT%"
	// fingerprint is the name and version of our fingerprint: path, rule, message, and the index among equal ones, so that it stays the
	// same when the line moves.
	fingerprint = "finding/v1"
)

// sarif writes SARIF 2.1.0.
func (o Writer) sarif(w io.Writer, r *validate.Report) error {
	log, driver := sarif.NewReport(), sarif.NewToolComponent().WithName("blumeops")
	run := sarif.NewRun().WithTool(sarif.NewTool().WithDriver(driver)).WithColumnKind("unicodeCodePoints").WithLanguage("en-GB")
	run.WithOriginalUriBaseIds(map[string]sarif.ArtifactLocation{
		root: *sarif.NewArtifactLocation().WithDescription(sarif.NewTextMessage("The root of the repository.")),
	})
	index := map[string]int{}
	for _, check := range o.Checks {
		for _, rule := range check.Rules {
			index[check.Name+"/"+rule.ID] = len(driver.Rules)
			driver.AddRule(o.rule(check, rule))
		}
	}
	seen := map[string]int{}
	for _, f := range r.Findings {
		result := resultOf(f)
		if i, known := index[f.Check+"/"+f.Rule]; known {
			result.WithRuleIndex(i)
		}
		key := strings.Join([]string{f.Path, f.About, f.Check, f.Rule, cmp.Or(f.Stem, f.Message)}, "\x00")
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", key, seen[key]))
		seen[key]++
		if r.Baseline != "" { // if one result has a state, all must have one
			result.WithBaselineState(f.Baseline)
		}
		run.AddResult(result.WithPartialFingerprints(map[string]string{fingerprint: hex.EncodeToString(sum[:16])}))
	}
	for _, f := range r.Fixed {
		result := resultOf(validate.Finding{Path: f.Path, Check: f.Check, Rule: f.Rule, Message: f.Message}).WithBaselineState("absent")
		if i, known := index[f.Check+"/"+f.Rule]; known {
			result.WithRuleIndex(i)
		}
		if f.Count > 1 {
			result.WithOccurrenceCount(f.Count)
		}
		run.AddResult(result)
	}
	run.AddInvocation(invocation(r))
	return log.AddRun(run).PrettyWrite(w)
}

// rule describes a rule.
func (o Writer) rule(check validate.Check, rule validate.Rule) *sarif.ReportingDescriptor {
	d := sarif.NewRule(check.Name + "/" + rule.ID).WithDescription(message(rule.What))
	d.WithHelp(sarif.NewMultiformatMessageString().WithText(message(rule.Do)))
	d.WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(sarif.LevelError))
	if o.Page != "" {
		d.WithHelpURI(o.Page + "#" + check.Name)
	}
	return d
}

func resultOf(f validate.Finding) *sarif.Result {
	what := f.Message
	if f.Do != "" {
		what += ". " + f.Do
	}
	result := sarif.NewRuleResult(f.Check + "/" + f.Rule).WithLevel(sarifLevel(f)).WithMessage(sarif.NewTextMessage(message(what)))
	where := sarif.NewLocation()
	switch {
	case f.Path != "":
		place := sarif.NewPhysicalLocation().WithArtifactLocation(sarif.NewArtifactLocation().WithURI(uri(f.Path)).WithURIBaseID(root))
		if f.Line > 0 {
			region := sarif.NewRegion().WithStartLine(f.Line)
			if f.Column > 0 {
				region.WithStartColumn(f.Column)
			}
			place.WithRegion(region)
		}
		where.WithPhysicalLocation(place)
	default:
		where.AddLogicalLocation(sarif.NewLogicalLocation().WithFullyQualifiedName(line(f.About)).WithKind("resource"))
	}
	return result.AddLocation(where)
}

func sarifLevel(f validate.Finding) string {
	if f.Warning {
		return sarif.LevelWarning
	}
	return sarif.LevelError
}

// invocation says whether all checks ran.
func invocation(r *validate.Report) *sarif.Invocation {
	v := sarif.NewInvocation().WithExecutionSuccessful(len(r.Failures) == 0)
	for _, f := range r.Failures {
		lines, stack := split(f)
		n := sarif.NewNotification().WithLevel(sarif.LevelError)
		n.WithMessage(sarif.NewTextMessage(message(fmt.Sprintf("check %s could not run: %s", f.Check, strings.Join(lines, "; ")))))
		if len(stack) > 0 {
			n.WithException(sarif.NewException().WithKind("panic").WithMessage(strings.Join(stack, "\n")))
		}
		v.AddToolExecutionNotification(n)
	}
	return v
}

// message is text without links: in SARIF's messages [text](target) would be one.
func message(s string) string { return strings.ReplaceAll(line(s), "](", `\](`) }

// uri is a path as a relative reference of RFC 3986. A colon in the first segment would make the text before it a scheme.
func uri(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(s), ":", "%3A")
	}
	return strings.Join(segments, "/")
}
