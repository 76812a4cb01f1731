package gql

import (
	"encoding/json"
	"net/http"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

// maxBody limits a request: the largest that a pipeline sends is a new file's content.
const maxBody = 256 << 20

// ServeHTTP answers POST /query.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	var req Request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&req); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		w.Write(marshal(map[string]any{"data": nil, "errors": gqlerror.List{gqlerror.Errorf("invalid GraphQL request: %v", err)}})) // the client has disconnected
		return
	}
	data, errs, rejected := s.Do(r.Context(), req)
	answer := map[string]any{"data": data}
	if len(errs) > 0 {
		answer = map[string]any{"data": nil, "errors": errs}
	}
	if rejected {
		w.WriteHeader(http.StatusUnprocessableEntity)
	}
	w.Write(marshal(answer)) // the client has disconnected
}
