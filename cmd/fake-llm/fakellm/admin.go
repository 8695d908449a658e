package fakellm

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

const (
	adminPrefix     = "/_fake/"
	maxRuleBytes    = 64 << 10
	defaultPageSize = 1000
)

// admin answers the fake's own endpoints, which need no key.
func (s *Server) admin(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path[len(adminPrefix):] {
	case "GET health":
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	case "GET service-account":
		s.serveAccount(w, r)
	case "GET ledger":
		s.serveLedger(w, r)
	case "DELETE ledger":
		s.ResetLedger()
		w.WriteHeader(http.StatusNoContent)
	case "GET behavior":
		rules := []Rule{}
		for _, rule := range s.behavior.load() {
			rules = append(rules, rule.Rule)
		}
		writeJSON(w, http.StatusOK, rules)
	case "PUT behavior":
		s.serveBehavior(w, r)
	case "DELETE behavior":
		s.ClearBehavior()
		w.WriteHeader(http.StatusNoContent)
	default:
		writeError(w, http.StatusNotFound, fmt.Errorf("no endpoint %s %s", r.Method, r.URL.Path))
	}
}

// serveAccount gives the key file of the service account of Google's cloud.
func (s *Server) serveAccount(w http.ResponseWriter, r *http.Request) {
	file, err := s.ServiceAccount("http://" + r.Host)
	if err != nil {
		writeError(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(file) // an error means that the client has gone
}

func (s *Server) serveLedger(w http.ResponseWriter, r *http.Request) {
	since, limit := uint64(0), uint64(defaultPageSize)
	for name, value := range map[string]*uint64{"since": &since, "limit": &limit} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			writeError(w, http.StatusBadRequest, fmt.Errorf("%s: %q is not a whole number", name, text))
			return
		}
		*value = n
	}
	if text := r.URL.Query().Get("wait"); text != "" {
		d, err := parseWait(text)
		if err != nil {
			writeError(w, http.StatusBadRequest, fmt.Errorf("wait: %w", err))
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), d)
		defer cancel()
		// What is still in flight then, the snapshot says.
		_ = s.Settle(ctx)
	}
	writeJSON(w, http.StatusOK, s.Ledger(since, int(limit)))
}

func (s *Server) serveBehavior(w http.ResponseWriter, r *http.Request) {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRuleBytes))
	dec.DisallowUnknownFields()
	var rule Rule
	err := dec.Decode(&rule)
	if err == nil {
		err = s.SetBehavior(rule)
	}
	if err != nil {
		writeError(w, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// An error here means the client has gone.
	_, _ = w.Write(indentedJSON(v))
}

func writeError(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, map[string]string{"error": err.Error()})
}
