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
		{"config.yaml", "remoteRef:\n  key: sabnzbd-atlantis-k8s01\n", ""},
		{"page.md", "kubeadm join --discovery-token-ca-cert-hash sha256:b3f1c31e2777bd54b3f7a797659a96072711809ae84e8c9be3fba449c8e32dd4\n", ""},
		{"sealed.yaml", "kind: SealedSecret\nspec:\n  encryptedData:\n    DNS_PASSWORD: Ag" + token("", 60) + "\n    API_KEY: Ag" + token("", 60) + "\n  template: {}\n", ""},
		// credentials
		{"sealed.yaml", "kind: SealedSecret\nspec:\n  encryptedData:\n    A: Ag" + token("", 60) + "\n---\nAPI_KEY: " + token("", 32) + "\n", "125: generic-api-key"},
		{"page.md", "--token-hash " + token("", 10) + " --api-key=" + token("", 32) + "\n", "34: generic-api-key"},
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
		if got, read := Values(text); len(got) != want || !read {
			t.Errorf("%s: %d values, want %d", key, len(got), want)
		}
	}
}

func TestCertificatesAndConfiguration(t *testing.T) {
	t.Parallel()
	const certificate = "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n"
	for line, want := range map[string]int{
		`homelab-ca: "` + certificate + `"`:                                   0,
		`both: "` + certificate + `-----BEGIN PRIVATE ` + `KEY-----\nAAAA\n"`: 1,
		`bundle: "# Example Authority\n` + certificate + `"`:                  0,
		`app: "ca: ` + certificate + `password: hunter2\n"`:                   1,
		`app.ini: "[smtp]\npass = hunter2\n"`:                                 1,
		`values.yaml: "persistence:\n  enabled: true\n"`:                      0,
		`grafana.ini: "[server]\nroot_url = https://g.example\n"`:             0,
		`values.yaml: "db:\n  password: hunter2\n"`:                           1,
		`app.conf: "url = postgres://me:hunter2@db/x\nb = 1\n"`:               1,
		`users: "me:x1y2\nyou:z3\n"`:                                          1,
	} {
		if got, read := Values("kind: Secret\nmetadata: {name: a}\nstringData:\n  " + line + "\n"); len(got) != want || !read {
			t.Errorf("%s: %d values, want %d", line, len(got), want)
		}
	}
}
