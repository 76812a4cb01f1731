package checks

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// TestCredentialsStayOut plants credentials of many kinds and searches all outputs of a run for them.
func TestCredentialsStayOut(t *testing.T) {
	t.Parallel()
	const letters = "k3V9q2M7x1P4zR8tB6wN5yD0cHj"
	long := strings.Repeat(letters, 12)
	canaries := map[string]string{ // file -> text that must not appear
		"github.txt": "ghp_" + (letters + letters)[:36], "gitlab.txt": "glpat-" + letters[:20], "onepassword.env": "ops_" + "eyJ" + long[:260], "aws.yaml": "AK" + "IAK3V7Q2M7X2P4ZR26",
		"slack.json": "xoxb-" + "123456789012-123456789012-" + letters[:24], "jwt.md": "eyJhbGciOiJIUzI1NiJ9." + "eyJ" + letters + "." + letters, "generic.env": letters,
		"key.pem": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + long + "\n-----END RSA PRIVATE KEY-----", "word.yaml": "Tr0ub4dor-and-3",
		"bare.env": letters[:26] + "9",
	}
	fsys, names := fstest.MapFS{}, []string{}
	put := func(name, text string) {
		fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		names = append(names, name)
	}
	for name, secret := range canaries {
		switch name {
		case "word.yaml":
			put(name, "kind: Secret\nmetadata: {name: a}\nstringData:\n  password: "+secret+"\n")
		case "bare.env":
			put(name, "API_TOKEN="+secret+" # gitleaks:allow\n")
		default:
			put(name, "token = \""+secret+"\"\n")
		}
		put("encoded/"+name, "data: "+base64.StdEncoding.EncodeToString([]byte("token = "+secret))+"\n")
	}
	put(".gitleaksignore", canaries["github.txt"]+"\n"+"a.txt:"+canaries["gitlab.txt"]+":1\n")
	report, err := validate.Run(t.Context(), validate.NewTree(fsys, names), All(), validate.Options{Site: site})
	if err != nil || len(report.Failures) > 0 {
		t.Fatal(err, report.Failures)
	}
	found := map[string]bool{}
	var out strings.Builder
	for _, f := range report.Findings {
		if f.Check == "secrets" {
			found[f.Path] = true
		}
		text, failed := json.Marshal(f)
		fmt.Fprintf(&out, "%s\n%s\n%+v\n%#v\n%v", f, text, f, f, failed)
	}
	for name, secret := range canaries {
		if !found[name] {
			t.Errorf("%s: not found", name)
		}
		for _, line := range strings.Split(secret, "\n") {
			for _, form := range []string{line, base64.StdEncoding.EncodeToString([]byte(line)), line[:min(len(line), 16)]} {
				if !strings.HasPrefix(line, "-----") && strings.Contains(out.String(), form) {
					t.Errorf("%s: %q comes out", name, form)
				}
			}
		}
	}
}

// TestPanicsStayIn gives the check a function that panics with its input.
func TestPanicsStayIn(t *testing.T) {
	t.Parallel()
	const canary = "op://vault/Tr0ub4dor/and-3"
	fsys := fstest.MapFS{"a.yaml": {Data: []byte("token: \"" + canary + "\"\n")}, "b.yaml": {Data: []byte("token: op://v\n")}}
	own := site
	own.ParseSecret = func(reference string, _ bool) error {
		if reference == canary {
			panic(reference)
		}
		return errors.New("want op://VAULT/ITEM/FIELD")
	}
	report, err := validate.Run(t.Context(), validate.NewTree(fsys, []string{"a.yaml", "b.yaml"}), []validate.Check{secrets}, validate.Options{Site: own})
	if err != nil || len(report.Findings) != 1 || len(report.Failures) != 1 || strings.Contains(fmt.Sprintf("%+v", report), canary) || !strings.HasPrefix(report.Failures[0].Error, "a.yaml: ") {
		t.Errorf("%+v, %v", report, err)
	}
}
