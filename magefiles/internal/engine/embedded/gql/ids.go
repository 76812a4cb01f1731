package gql

import (
	"encoding/base64"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// An id is base64 of protobuf {2: {1: number, 2: {1: "Container", 3: true}}}, as Dagger's ids are: a handle that is valid only in the session
// that created it.

func encodeID(number int, typ string) string {
	t := protowire.AppendTag(nil, 1, protowire.BytesType)
	t = protowire.AppendString(t, typ)
	t = protowire.AppendTag(t, 3, protowire.VarintType)
	t = protowire.AppendVarint(t, 1)
	r := protowire.AppendTag(nil, 1, protowire.VarintType)
	r = protowire.AppendVarint(r, uint64(number))
	r = protowire.AppendTag(r, 2, protowire.BytesType)
	r = protowire.AppendBytes(r, t)
	out := protowire.AppendTag(nil, 2, protowire.BytesType)
	return base64.StdEncoding.EncodeToString(protowire.AppendBytes(out, r))
}

var errIDShape = errors.New("invalid ID string: not an id of this engine")

func decodeID(id string) (number int, typ string, err error) {
	b, err := base64.StdEncoding.DecodeString(id)
	if err != nil {
		return 0, "", fmt.Errorf("invalid ID string: failed to decode base64: %w", err)
	}
	result, ok := protoField(b, 2)
	if !ok {
		return 0, "", errIDShape
	}
	num, n := protoVarint(result, 1)
	t, ok := protoField(result, 2)
	if !n || !ok || num > 1<<31 {
		return 0, "", errIDShape
	}
	name, ok := protoField(t, 1)
	if !ok {
		return 0, "", errIDShape
	}
	return int(num), string(name), nil
}

// protoField finds the bytes of a length-delimited field.
func protoField(b []byte, want protowire.Number) ([]byte, bool) {
	var found []byte
	ok := false
	eachField(b, func(num protowire.Number, typ protowire.Type, v []byte) {
		if num == want && typ == protowire.BytesType {
			if s, n := protowire.ConsumeBytes(v); n >= 0 {
				found, ok = s, true
			}
		}
	})
	return found, ok
}

func protoVarint(b []byte, want protowire.Number) (uint64, bool) {
	var found uint64
	ok := false
	eachField(b, func(num protowire.Number, typ protowire.Type, v []byte) {
		if num == want && typ == protowire.VarintType {
			if x, n := protowire.ConsumeVarint(v); n >= 0 {
				found, ok = x, true
			}
		}
	})
	return found, ok
}

func eachField(b []byte, fn func(protowire.Number, protowire.Type, []byte)) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(num, typ, b)
		if n < 0 {
			return
		}
		fn(num, typ, b[:n])
		b = b[n:]
	}
}
