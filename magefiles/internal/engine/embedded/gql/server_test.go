package gql

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/schema"
)

type box struct{ path string }

// server has a few fields that count how often they run.
func server(runs *int) *Server {
	return New(schema.Load(), Resolvers{
		"Query": {
			"directory": func(context.Context, any, Args) (any, error) { *runs++; return &box{}, nil },
			"version":   func(context.Context, any, Args) (any, error) { return "v1", nil },
		},
		"Directory": {
			"directory": func(_ context.Context, self any, a Args) (any, error) {
				return &box{self.(*box).path + "/" + a.String("path")}, nil
			},
			"name":    func(_ context.Context, self any, _ Args) (any, error) { return self.(*box).path, nil },
			"entries": func(context.Context, any, Args) (any, error) { return nil, errors.New("it is empty") },
			"digest":  func(context.Context, any, Args) (any, error) { return []string{}[len("1")], nil },
			"withDirectory": func(_ context.Context, self any, a Args) (any, error) {
				src, _, err := Object[*box](a, "source")
				if err != nil {
					return nil, err
				}
				return &box{self.(*box).path + "+" + src.path}, nil
			},
		},
	}, nil)
}

func TestAPanicIsLoggedWithItsStack(t *testing.T) {
	runs, logged := 0, ""
	s := server(&runs)
	s.OnPanic = func(text string) { logged += text }
	ask(t, s, `{directory{digest}}`)
	for _, want := range []string{"panic in Directory.digest", "index out of range", "server_test.go"} {
		if !strings.Contains(logged, want) {
			t.Errorf("%q is not in the log: %s", want, logged)
		}
	}
}

func ask(t *testing.T, s *Server, query string) (int, string) {
	t.Helper()
	body, err := json.Marshal(Request{Query: query})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/query", strings.NewReader(string(body))))
	return rec.Code, rec.Body.String()
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		query  string
		status int
		want   []string
	}{
		"leaf":          {`{version}`, 200, []string{`{"data":{"version":"v1"}}`}},
		"chain":         {`{directory{directory(path:"a"){directory(path:"b"){name}}}}`, 200, []string{`"name":"/a/b"`}},
		"alias":         {`{x:directory{y:name}}`, 200, []string{`{"x":{"y":""}}`}},
		"field error":   {`{directory{entries}}`, 200, []string{`"data":null`, `"message":"it is empty"`, `"path":["directory","entries"]`}},
		"not offered":   {`{directory{glob(pattern:"*")}}`, 200, []string{`Directory.glob is not supported by the embedded engine`}},
		"panic":         {`{directory{digest}}`, 200, []string{`"data":null`, `Directory.digest failed because of a bug in the embedded engine (panic: runtime error: index out of range`}},
		"no such field": {`{nope}`, 422, []string{`GRAPHQL_VALIDATION_FAILED`, `Did you mean`}},
		"syntax":        {`{directory{`, 422, []string{`GRAPHQL_PARSE_FAILED`}},
		"wrong kind":    {`{directory{directory(path:1){name}}}`, 200, []string{`cannot create String from int64`}},
		"empty id":      {`{directory{withDirectory(path:"a",source:""){name}}}`, 200, []string{`init arg \"source\"`, `cannot decode empty string as ID`}},
		"bad id":        {`{loadDirectoryFromID(id:"x"){name}}`, 200, []string{`invalid ID string`}},
		"foreign id":    {`{loadDirectoryFromID(id:"` + encodeID(99, "Directory") + `"){name}}`, 200, []string{`from another session`}},
		"introspection": {`{__schema{queryType{name}types{name kind}}}`, 200, []string{`"queryType":{"name":"Query"}`, `"OBJECT"`}},
	} {
		runs := 0
		status, body := ask(t, server(&runs), c.query)
		if status != c.status {
			t.Errorf("%s: status %d, want %d: %s", name, status, c.status, body)
		}
		for _, w := range c.want {
			if !strings.Contains(body, w) {
				t.Errorf("%s: %s is not in %s", name, w, body)
			}
		}
	}
}

func TestIDsOfObjects(t *testing.T) {
	runs := 0
	s := server(&runs)
	var got struct {
		Data struct {
			Directory struct {
				Directory struct{ ID string }
			}
		}
	}
	_, body := ask(t, s, `{directory{directory(path:"a"){id}}}`)
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	id := got.Data.Directory.Directory.ID
	if _, again := ask(t, s, `{directory{directory(path:"a"){id}}}`); again != body {
		t.Errorf("the same chain has two ids: %s and %s", body, again)
	}
	if runs != 1 {
		t.Errorf("an object was made %d times", runs)
	}
	for _, q := range []string{`{node(id:"` + id + `"){... on Directory{name}}}`, `{loadDirectoryFromID(id:"` + id + `"){name}}`, `{directory{withDirectory(path:"/",source:"` + id + `"){name}}}`} {
		if _, body := ask(t, s, q); !strings.Contains(body, "/a") {
			t.Errorf("%s: got %s", q, body)
		}
	}
	if _, body := ask(t, s, `{loadContainerFromID(id:"`+id+`"){id}}`); !strings.Contains(body, "expected Container, got Directory") {
		t.Errorf("got %s", body)
	}
}

func FuzzQuery(f *testing.F) {
	for _, q := range []string{`{version}`, `{directory{directory(path:"a"){name}}}`, `query($p:String!){directory{directory(path:$p){id}}}`, `{__type(name:"Query"){fields{name args{name type{name}}}}}`, `{node(id:""){id}}`} {
		f.Add(q)
	}
	runs := 0
	s := server(&runs)
	f.Fuzz(func(t *testing.T, q string) {
		if status, body := ask(t, s, q); status == 200 != json.Valid([]byte(body)) && status != 422 {
			t.Errorf("status %d: %s", status, body)
		}
	})
}
