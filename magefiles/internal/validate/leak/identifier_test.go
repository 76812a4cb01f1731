package leak

import "testing"

// TestIdentifiers reads names of secrets and identifiers of dashboards, and real forms of credentials next to them.
func TestIdentifiers(t *testing.T) {
	t.Parallel()
	s := scanner(t, "", "")
	uuid := "764060a2-b711-4170-8ecd-" + "4432656108f8"
	for _, c := range []struct{ name, text, want string }{
		{"dashboard.json", `          "key": "Q-` + uuid + `-0",` + "\n          \"refId\": \"A\"\n", ""},
		{"dashboard.json", `{"targets":[{"key":"Q-` + uuid + `-12","refId":"A"}]}`, ""},
		{"release.yaml", "valueFrom:\n  secretKeyRef:\n    name: anubis\n    key: ED25519_PRIVATE_KEY_HEX\n", ""},
		{"values.yaml", "backupTargetCredentialSecret: \"longhorn-s3-secret\"\n", ""},
		{"page.md", "a `Secret` with credentials: `longhorn-s3-secret.yml`\n", ""},
		// credentials
		{"dashboard.json", `  "api_key": "Q-` + uuid + `-0",` + "\n", "14: generic-api-key"},
		{"dashboard.json", `  "key": "` + uuid + `",` + "\n", "10: generic-api-key"},
		{"dashboard.json", `  "token": "` + token("", 32) + `",` + "\n", "12: generic-api-key"},
		{"values.yaml", "password: my-s3-secret-" + "4711x\n", "10: generic-api-key"},
		{"values.yaml", "token: a8-k3-secret-" + token("", 16) + "\n", "7: generic-api-key"},
		{"values.yaml", "secret: secret-" + token("", 20) + "\n", "8: generic-api-key"},
	} {
		if got := rules(s.Scan(c.name, c.text)); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.name, c.text, got, c.want)
		}
	}
}

func TestValuesThatAreNoSecrets(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]int{
		"TZ": 0, "MONGO_USER": 0, "POSTGRES_DB": 0, "smtp-host": 0, "username": 0,
		"MONGO_PASS": 1, "SECRET_NAME": 1, "api-key-user": 1, "token": 1, "users": 1,
	} {
		text := "kind: Secret\nmetadata: {name: a}\nstringData:\n  " + key + ": some-value\n"
		if got := len(Values(text)); got != want {
			t.Errorf("%s: %d values, want %d", key, got, want)
		}
	}
}
