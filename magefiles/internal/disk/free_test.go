package disk

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestFree(t *testing.T) {
	t.Parallel()
	here, err := Free(os.TempDir())
	if err != nil || here == 0 || here > math.MaxInt64 {
		t.Errorf("%d, %v", here, err)
	}
	if there, err := Free(filepath.Join(t.TempDir(), "not", "there", "yet")); err != nil || there == 0 {
		t.Errorf("%d, %v", there, err)
	}
}
