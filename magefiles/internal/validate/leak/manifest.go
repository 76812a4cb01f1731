package leak

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/kubernetes"
)

// A Value is the place of a value in a Kubernetes Secret. It does not hold the value.
type Value struct {
	Line, Column int // columns in characters
	Secret, Key  string
}

var secretKind = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)\bkind["']?[ \t]*:[ \t]*["']?Secret\b`)
})

// Values are the values of Kubernetes Secrets in a YAML text, except for values that are filled in later, and for values that are not
// secret: an address, a name, a number, a certificate. read is false if the text has no Secret, or is not YAML.
func Values(text string) (found []Value, read bool) {
	if !strings.Contains(text, "Secret") || !secretKind().MatchString(text) {
		return nil, false
	}
	documents, problems := kubernetes.Parse(text) // the check manifests reports syntax errors
	for _, document := range documents {
		found = append(found, secretValues(document)...)
		for _, item := range items(document) {
			found = append(found, secretValues(item)...)
		}
	}
	return found, len(problems) == 0
}

func items(list *yaml.Node) []*yaml.Node {
	if n := field(list, "items"); n != nil && n.Kind == yaml.SequenceNode {
		return n.Content
	}
	return nil
}

func secretValues(object *yaml.Node) (found []Value) {
	if kind := field(object, "kind"); kind == nil || kind.Value != "Secret" {
		return nil
	}
	name := ""
	if n := field(field(object, "metadata"), "name"); n != nil && n.Kind == yaml.ScalarNode {
		name = n.Value
	}
	for _, section := range []string{"data", "stringData"} {
		values := field(object, section)
		if values == nil || values.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(values.Content); i += 2 {
			key, value := values.Content[i].Value, values.Content[i+1]
			if value.Kind == yaml.ScalarNode && mayBeSecret(key, value.Value, section == "data") {
				found = append(found, Value{value.Line, value.Column, name, key})
			}
		}
	}
	return found
}

func field(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// public are keys with values that are not secret: those that describe repositories and clusters of Argo CD, and databases.
var public = map[string]bool{
	"type": true, "name": true, "project": true, "username": true, "user": true, "host": true, "hostname": true, "server": true, "port": true,
	"database": true, "dbname": true, "db": true, "tz": true, "timezone": true, "email": true, "region": true, "bucket": true, "endpoint": true, "ca.crt": true, "tls.crt": true,
}

var placeholder = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\{\{|\$\{|\$\(|^<|^ENC\[|^(?:op|env)://|^(?:change.?me|place.?holder|replace|example|dummy|redacted|todo|your)\b|` +
		`^(?:change|replace|your)[_-]|^\W*$|^(?:true|false|null|none|x+|\d{1,6})$`)
})

var (
	pem = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?s)-----BEGIN ([A-Z0-9 ]+)-----.*?-----END [A-Z0-9 ]+-----`)
	})
	commentLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^[ \t]*#.*$`) })
)

// onlyCertificates says that a text has certificates, and neither a private key nor another secret beside them.
func onlyCertificates(text string) bool {
	blocks := pem().FindAllStringSubmatch(text, -1)
	if len(blocks) == 0 || slices.ContainsFunc(blocks, func(m []string) bool { return m[1] != "CERTIFICATE" && m[1] != "TRUSTED CERTIFICATE" }) {
		return false
	}
	rest := commentLine().ReplaceAllString(pem().ReplaceAllString(text, ""), "")
	return !secretText().MatchString(rest)
}

var (
	configurationFile = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\.(?:ya?ml|ini|toml|json|conf|cfg|properties)$`) })
	// secretText is in a configuration with a secret: a word such as pass, an account in an address, or a long text without spaces.
	secretText = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)pass|pwd|secret|token|key|credential|auth|private|webhook|://[^/\s:]*:[^/\s@]+@|[A-Za-z0-9+/_=-]{32,}`)
	})
)

// isConfiguration says that a value is a file of settings of several lines without a secret in it, such as the values of a Helm chart.
func isConfiguration(key, value string) bool {
	return configurationFile().MatchString(key) && strings.Contains(value, "\n") && !secretText().MatchString(value)
}

// lastWord is what a name such as POSTGRES_USER or smtp-host means, in lower case. A name with the word secret, key, token or password is left
// whole.
func lastWord(key string) string {
	key = strings.ToLower(key)
	words := strings.FieldsFunc(key, func(r rune) bool { return r == '_' || r == '-' || r == '.' })
	if len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return secretWords[w] }) {
		return key
	}
	return words[len(words)-1]
}

// mayBeSecret says whether a value may be secret.
func mayBeSecret(key, value string, encoded bool) bool {
	value = strings.TrimSpace(value)
	if encoded && !placeholder().MatchString(value) {
		if plain, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value), "")); err == nil {
			value = strings.TrimSpace(string(plain))
		}
	}
	if onlyCertificates(value) || isConfiguration(key, value) {
		return false
	}
	if placeholder().MatchString(value) || public[strings.ToLower(key)] || public[lastWord(key)] {
		return false
	}
	address, err := url.Parse(value)
	return err != nil || address.Host == "" || address.User != nil || address.RawQuery != ""
}
