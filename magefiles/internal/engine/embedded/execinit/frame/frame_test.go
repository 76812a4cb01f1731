package frame

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
)

func TestMessagesArriveWhole(t *testing.T) {
	var stream bytes.Buffer
	long := strings.Repeat("äb", maxData)
	for _, m := range []struct {
		kind Kind
		data []byte
	}{{Input, []byte("ls\r")}, {Resize, Numbers(120, 40)}, {Input, []byte(long)}, {Close, nil}} {
		if err := Write(&stream, m.kind, m.data); err != nil {
			t.Fatal(err)
		}
	}
	var input, others string
	err := Read(iotest.HalfReader(&stream), func(kind Kind, data []byte) error {
		switch kind {
		case Input:
			input += string(data)
		case Resize:
			others += fmt.Sprint(Number(data, 0), "x", Number(data, 1), " ", Number(data, 2))
		default:
			others += string(kind)
		}
		return nil
	})
	if err != nil || input != "ls\r"+long || others != "120x40 0c" {
		t.Errorf("%v, %d bytes, %q", err, len(input), others)
	}
}

func TestInvalidStreams(t *testing.T) {
	none := func(Kind, []byte) error { return nil }
	if err := Read(strings.NewReader("i\x00\x00\x00\x05abc"), none); !errors.Is(err, ErrCut) {
		t.Errorf("a cut message: %v", err)
	}
	if err := Read(strings.NewReader("i\xff\xff\xff\xffabc"), none); err == nil {
		t.Error("a message of 4 GiB is accepted")
	}
}
