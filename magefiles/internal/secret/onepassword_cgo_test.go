//go:build cgo

package secret

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/1password/onepassword-sdk-go"
)

// ParseReference and the SDK accept the same references, and refuse the same for their form; both without the network.
func TestReferencesAsTheSDKChecksThem(t *testing.T) {
	for reference, want := range map[string]bool{
		"op://v/i/f": true, "op://v/i/s/f": true, "op://my vault/my item/a field": true, "op://v/i.x/f-g_h": true,
		"op://v/i/f?attribute=otp": true, "op://v/i/f?attribute=totp": true, "op://v/i/f?ssh-format=openssh": true,
		"op://v/i": false, "op://v/i/s/f/g": false, "op://v/zot (ci)/f": false, "op://v/zöt/f": false, "op://v/a+b/f": false,
		"op://v/i/f?attribute=title": false, "op://v/i/f?attribute=type": false, "op://v/i/f?attribute=content": false, "op://v/i/f?": false, "op://v/i/f?x=y": false, "OP://v/i/f": false,
		"op://v/i/f?attribute=otp&ssh-format=openssh": false, "op://v/a%20b/f": false,
	} {
		_, ours := ParseReference(reference)
		if answers, _ := withoutOpQueries([]string{reference}); answers[reference].Err != nil {
			ours = answers[reference].Err
		}
		theirs := onepassword.Secrets.ValidateSecretReference(t.Context(), reference)
		if (ours == nil) != want || (theirs == nil) != want {
			t.Errorf("%s: ours %v, the SDK's %v", reference, ours, theirs)
		}
	}
}

func TestTheSDKRefusesABadToken(t *testing.T) {
	for _, token := range []string{"x", "ops_eyJhIjoxfQ"} {
		r := NewResolver(Options{Env: env("OP_SERVICE_ACCOUNT_TOKEN", token)})
		_, err := r.Resolve(t.Context(), must(t, "op://v/i/f"))
		var failed *Error
		if !errors.As(err, &failed) || failed.State != Unreachable || !strings.Contains(err.Error(), "service account") || strings.Contains(err.Error(), "ops_ey") {
			t.Errorf("%v", err)
		}
	}
}

func TestAnswersOfTheSDK(t *testing.T) {
	var response onepassword.ResolveAllResponse
	recorded := `{"individualResponses":{
		"op://v/i/f":{"content":{"secret":"v4lue","itemId":"i","vaultId":"v"}},
		"op://v/i/g":{"error":{"type":"fieldNotFound"}},
		"op://x/i/f":{"error":{"type":"vaultNotFound"}},
		"op://v/i/n":{}}}`
	if err := json.Unmarshal([]byte(recorded), &response); err != nil {
		t.Fatal(err)
	}
	got := answersOf(response)
	if got["op://v/i/f"].Value != "v4lue" || got["op://v/i/f"].Err != nil {
		t.Errorf("value: %v", got["op://v/i/f"])
	}
	for reference, want := range map[string]string{"op://v/i/g": "field not found", "op://x/i/f": "vault not found"} {
		if err := got[reference].Err; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", reference, err)
		}
	}
	if _, found := got["op://v/i/n"]; found {
		t.Error("an empty response became an answer")
	}
}

// The names of reasons are the SDK's.
func TestReasonsExist(t *testing.T) {
	known := map[string]bool{}
	for _, name := range []onepassword.ResolveReferenceErrorTypes{
		onepassword.ResolveReferenceErrorTypeVariantVaultNotFound, onepassword.ResolveReferenceErrorTypeVariantItemNotFound,
		onepassword.ResolveReferenceErrorTypeVariantNoMatchingSections, onepassword.ResolveReferenceErrorTypeVariantFieldNotFound,
		onepassword.ResolveReferenceErrorTypeVariantTooManyVaults, onepassword.ResolveReferenceErrorTypeVariantTooManyItems,
		onepassword.ResolveReferenceErrorTypeVariantTooManyMatchingFields, onepassword.ResolveReferenceErrorTypeVariantUnsupportedFileFormat,
	} {
		known[string(name)] = true
	}
	for name := range reasons {
		if !known[name] {
			t.Errorf("1Password gives no such reason: %s", name)
		}
	}
}
