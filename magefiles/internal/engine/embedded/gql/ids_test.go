package gql

import (
	"encoding/base64"
	"testing"
)

func TestIDs(t *testing.T) {
	// The format of the ids that were recorded from Dagger v0.21.8: a protobuf with the number and the type of an object.
	const recorded = "EhIIuSQSDQoJQ29udGFpbmVyGAE="
	number, typ, err := decodeID(recorded)
	if err != nil || number != 4665 || typ != "Container" {
		t.Fatalf("got %d %q %v", number, typ, err)
	}
	if got := encodeID(number, typ); got != recorded {
		t.Errorf("got %s, want %s", got, recorded)
	}
}

func FuzzDecodeID(f *testing.F) {
	for _, s := range []string{"EhIIuSQSDQoJQ29udGFpbmVyGAE=", "", "garbage", "EhI=", base64.StdEncoding.EncodeToString([]byte{0x12, 0xff, 0xff, 0xff, 0xff, 0x0f})} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		number, typ, err := decodeID(s)
		if err != nil {
			return
		}
		n, ty, err := decodeID(encodeID(number, typ))
		if err != nil || n != number || ty != typ {
			t.Errorf("%q: %d %q became %d %q %v", s, number, typ, n, ty, err)
		}
	})
}
