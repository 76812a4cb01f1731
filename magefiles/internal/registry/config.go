package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// An image config is edited as raw JSON, so that fields which our libraries do not know (a health check's StartInterval) survive.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md

type object = map[string]json.RawMessage

// createdText is a time in the form of configs: UTC, whole seconds.
func createdText(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

// stampConfig sets the creation time, of the image and of each step of its history, and adds labels. It changes nothing else.
func stampConfig(raw []byte, meta image.Metadata) ([]byte, error) {
	doc, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	if err := stamp(doc, meta); err != nil {
		return nil, err
	}
	return json.Marshal(doc)
}

func stamp(doc object, meta image.Metadata) error {
	if !meta.Created.IsZero() {
		if err := put(doc, "created", createdText(meta.Created)); err != nil {
			return err
		}
		if err := stampHistory(doc, meta.Created); err != nil {
			return err
		}
	}
	if len(meta.Labels) == 0 {
		return nil
	}
	config, err := parseObject(doc["config"])
	if err != nil {
		return err
	}
	labels := map[string]string{}
	if err := parseOptional(config["Labels"], &labels); err != nil {
		return err
	}
	if labels == nil { // "Labels": null
		labels = map[string]string{}
	}
	maps.Copy(labels, meta.Labels)
	if err := put(config, "Labels", labels); err != nil {
		return err
	}
	return put(doc, "config", config)
}

func stampHistory(doc object, created time.Time) error {
	var history []object
	if err := parseOptional(doc["history"], &history); err != nil || history == nil {
		return err
	}
	for _, h := range history {
		if err := put(h, "created", createdText(created)); err != nil {
			return err
		}
	}
	return put(doc, "history", history)
}

// These fields of a config are kept in a re-packed image; the others are specific to an engine and would differ between
// engines.
var (
	keptFields = []string{"architecture", "os", "variant", "os.version", "os.features"}
	keptConfig = []string{
		"User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal", "Healthcheck", "Shell", "ArgsEscaped",
	}
)

// repackedConfig is the config of an image whose own layers became one: base names the uncompressed digests of the layers below it.
func repackedConfig(raw []byte, meta image.Metadata, base []v1.Hash, own *v1.Hash) ([]byte, error) {
	was, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	doc := pick(was, keptFields)
	inner, err := parseObject(was["config"])
	if err != nil {
		return nil, err
	}
	if err := put(doc, "config", pick(inner, keptConfig)); err != nil {
		return nil, err
	}
	// Engines write a base's history differently: one step for each layer, without their text, is always the same.
	history := make([]object, len(base))
	for i := range history {
		history[i] = object{"created_by": json.RawMessage(`"base image"`)}
	}
	diffs := append([]v1.Hash{}, base...)
	if own != nil {
		diffs = append(diffs, *own)
		history = append(history, object{"created_by": json.RawMessage(`"container:build"`)})
	}
	if err := put(doc, "history", history); err != nil {
		return nil, err
	}
	if err := put(doc, "rootfs", v1.RootFS{Type: "layers", DiffIDs: diffs}); err != nil {
		return nil, err
	}
	if err := stamp(doc, meta); err != nil {
		return nil, err
	}
	return json.Marshal(doc)
}

// pick copies the named fields that are not empty.
func pick(from object, fields []string) object {
	to := object{}
	for _, f := range fields {
		if v, ok := from[f]; ok && !isEmpty(v) {
			to[f] = v
		}
	}
	return to
}

func isEmpty(v json.RawMessage) bool {
	switch string(bytes.TrimSpace(v)) {
	case `null`, `""`, `[]`, `{}`, `false`:
		return true
	}
	return false
}

// diffIDs are the digests of the uncompressed layers, lowest first.
func diffIDs(raw []byte) ([]v1.Hash, error) {
	var doc struct {
		RootFS v1.RootFS `json:"rootfs"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("image config: %w", err)
	}
	return doc.RootFS.DiffIDs, nil
}

func parseObject(raw json.RawMessage) (object, error) {
	doc := object{}
	if err := parseOptional(raw, &doc); err != nil {
		return nil, err
	}
	if doc == nil { // null
		doc = object{}
	}
	return doc, nil
}

func parseOptional(raw json.RawMessage, into any) error {
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("image config: %w", err)
	}
	return nil
}

func put(doc object, field string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("image config: %s: %w", field, err)
	}
	doc[field] = raw
	return nil
}
