package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

func writeProblem(w http.ResponseWriter, e huma.StatusError) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(e.GetStatus())
	json.NewEncoder(w).Encode(e) // whoever has gone does not read it
}
