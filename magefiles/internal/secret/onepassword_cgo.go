//go:build cgo

package secret

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/1password/onepassword-sdk-go"
)

// connect makes a client of 1Password's SDK. It takes seconds of CPU and 180 MB, so it is called only when an op:// reference is read.
func connect(ctx context.Context, login Login) (Vault, error) {
	who := onepassword.WithDesktopAppIntegration(login.Account)
	if !login.Token.IsZero() {
		who = onepassword.WithServiceAccountToken(login.Token.Reveal())
	}
	client, err := onepassword.NewClient(ctx, who, onepassword.WithIntegrationInfo("BlumeOps", "v1"))
	if err != nil {
		return nil, err
	}
	return sdkVault{client.Secrets(), login}, nil
}

type sdkVault struct {
	secrets onepassword.SecretsAPI
	login   Login
}

// String names the account.
func (v sdkVault) String() string { return v.login.String() }

func (v sdkVault) ResolveAll(ctx context.Context, references []string) (map[string]Answer, error) {
	answers, references := withoutOpQueries(references)
	if len(references) == 0 {
		return answers, nil
	}
	response, err := v.secrets.ResolveAll(ctx, references)
	var limit *onepassword.RateLimitExceededError
	if errors.As(err, &limit) {
		return nil, problemf(Unreachable, "wait, or set the BLUMEOPS_* variables of the secrets", "the rate limit of 1Password is reached: %w", err)
	}
	if err != nil {
		return nil, err
	}
	maps.Copy(answers, answersOf(response))
	return answers, nil
}

// withoutOpQueries refuses the queries that the SDK does not know, and returns the other references.
func withoutOpQueries(references []string) (answers map[string]Answer, others []string) {
	answers = map[string]Answer{}
	for _, reference := range references {
		if _, query, _ := strings.Cut(reference, "?"); slices.Contains(opQueries, query) {
			answers[reference] = Answer{Err: problemf(Unreadable, "use the op command (unset "+TokenVariable+") or a Connect server for it",
				"the query ?%s is unknown to 1Password's SDK, which supports %s", query, known(sdkQueries))}
			continue
		}
		others = append(others, reference)
	}
	return answers, others
}

func answersOf(response onepassword.ResolveAllResponse) map[string]Answer {
	answers := make(map[string]Answer, len(response.IndividualResponses))
	for reference, one := range response.IndividualResponses {
		switch {
		case one.Error != nil:
			answers[reference] = Answer{Err: refusal(string(one.Error.Type))}
		case one.Content != nil:
			answers[reference] = Answer{Value: one.Content.Secret}
		}
	}
	return answers
}
