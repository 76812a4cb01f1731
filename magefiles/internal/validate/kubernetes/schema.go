package kubernetes

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"regexp"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// The versions of Kubernetes and of Argo CD whose schemas are used.
const (
	Version     = "v1.34.2"
	ArgoVersion = "v3.2.11"
)

// The schemas that generate makes. They are excerpts of Kubernetes' OpenAPI (k8s.io/kubernetes) and of Argo CD's
// CustomResourceDefinitions (github.com/argoproj/argo-cd), both under the Apache License 2.0, copyright of their authors.
var (
	//go:embed schemas/kubernetes.json.gz
	kubernetesJSON []byte
	//go:embed schemas/argocd.json.gz
	argocdJSON []byte
)

// schema is the part of an OpenAPI schema that is checked: of Kubernetes' own kinds, and of kinds that a CustomResourceDefinition defines.
type schema struct {
	Ref        string             `json:"$ref" yaml:"-"`
	Type       string             `json:"type" yaml:"type"`
	Format     string             `json:"format" yaml:"format"`
	Properties map[string]*schema `json:"properties" yaml:"properties"`
	Required   []string           `json:"required" yaml:"required"`
	Items      *schema            `json:"items" yaml:"items"`
	Additional *schema            `json:"additionalProperties" yaml:"additionalProperties"`
	Enum       []any              `json:"enum" yaml:"enum"`
	Pattern    string             `json:"pattern" yaml:"pattern"`
	Minimum    *float64           `json:"minimum" yaml:"minimum"`
	Maximum    *float64           `json:"maximum" yaml:"maximum"`
	MinLength  *int               `json:"minLength" yaml:"minLength"`
	MaxLength  *int               `json:"maxLength" yaml:"maxLength"`
	MinItems   *int               `json:"minItems" yaml:"minItems"`
	MaxItems   *int               `json:"maxItems" yaml:"maxItems"`

	IntOrString bool `json:"x-kubernetes-int-or-string" yaml:"x-kubernetes-int-or-string"`
	AnyField    bool `json:"x-kubernetes-preserve-unknown-fields" yaml:"x-kubernetes-preserve-unknown-fields"`
	Embedded    bool `json:"x-kubernetes-embedded-resource" yaml:"x-kubernetes-embedded-resource"`

	library *library // contains the type that Ref names
	once    sync.Once
	pattern *regexp.Regexp
}

// UnmarshalYAML handles additionalProperties, which may be a boolean.
func (s *schema) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		s.AnyField = n.Value == "true"
		return nil
	}
	type plain schema
	return n.Decode((*plain)(s))
}

// matcher is the compiled pattern; nil if there is none, or if Go does not support it.
func (s *schema) matcher() *regexp.Regexp {
	s.once.Do(func() {
		if s.Pattern != "" && len(s.Pattern) < 4096 {
			s.pattern, _ = regexp.Compile(s.Pattern)
		}
	})
	return s.pattern
}

// library is a file of schemas. A type is parsed on first use.
type library struct {
	Version string                       `json:"version"`
	Kinds   map[string]map[string]string `json:"kinds"`
	Types   map[string]json.RawMessage   `json:"types"`

	read sync.Map // name -> *schema
}

var (
	kubernetesLibrary = sync.OnceValue(func() *library { return load(kubernetesJSON) })
	argocdLibrary     = sync.OnceValue(func() *library { return load(argocdJSON) })
)

// load panics if the output of generate is invalid; a test would find that.
func load(compressed []byte) *library {
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		panic(err)
	}
	l := &library{}
	if err := json.NewDecoder(z).Decode(l); err != nil {
		panic(err)
	}
	return l
}

// The types with special rules.
const (
	typeQuantity = "apimachinery.pkg.api.resource.Quantity"
	typeMeta     = "apimachinery.pkg.apis.meta.v1.ObjectMeta"
)

// named is the type with a name; nil if there is none.
func (l *library) named(name string) *schema {
	if s, ok := l.read.Load(name); ok {
		return s.(*schema)
	}
	s := &schema{}
	if raw, ok := l.Types[name]; !ok || json.Unmarshal(raw, s) != nil {
		return nil
	}
	if name == typeQuantity {
		s.Format = "quantity"
	}
	s.within(l)
	kept, _ := l.read.LoadOrStore(name, s)
	return kept.(*schema)
}

// within sets the library of the references below a schema.
func (s *schema) within(l *library) {
	if s.Ref != "" {
		s.library = l
	}
	for _, below := range []*schema{s.Items, s.Additional} {
		if below != nil {
			below.within(l)
		}
	}
	for _, below := range s.Properties {
		below.within(l)
	}
}

// resolve follows a reference.
func (s *schema) resolve() *schema {
	for i := 0; s != nil && s.Ref != "" && s.library != nil && i < 8; i++ {
		s = s.library.named(s.Ref)
	}
	return s
}

// ownGroup says whether an API group belongs to Kubernetes itself. No CustomResourceDefinition may use such a group.
func (l *library) ownGroup(group string) bool {
	if !strings.Contains(group, ".") {
		return true
	}
	for version := range l.Kinds {
		if strings.HasPrefix(version, group+"/") {
			return true
		}
	}
	return false
}
