package objects

import (
	"errors"
	"sync"
	"testing"
)

func TestAFolderIsReadOnce(t *testing.T) {
	var all folderReads
	r, first := all.claim("a")
	if !first {
		t.Fatal("the first claim is not the first")
	}
	var waiting sync.WaitGroup
	for range 4 {
		waiting.Go(func() {
			again, mine := all.claim("a")
			if mine || again != r {
				t.Error("it would be read again")
			}
			<-again.done
			if again.err != nil || again.dir.dir != "/sub" {
				t.Errorf("got %+v", again)
			}
		})
	}
	if _, first := all.claim("b"); !first {
		t.Error("another folder is not read")
	}
	all.settle("a", r, &Directory{dir: "/sub"}, nil)
	waiting.Wait()
}

func TestAFailedReadIsNotKept(t *testing.T) {
	var all folderReads
	r, _ := all.claim("a")
	all.settle("a", r, nil, errors.New("no"))
	if <-r.done; r.err == nil {
		t.Error("the waiting readers got no result")
	}
	if _, first := all.claim("a"); !first {
		t.Error("it is not read again")
	}
}
