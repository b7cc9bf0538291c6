package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

type shop struct {
	version  string
	pod      string
	counters counters

	// Guards what the control path changes.
	mutex  sync.Mutex
	errors float64
	delay  time.Duration
	ready  bool
}

func newShop(s settings) *shop {
	pod, _ := os.Hostname()
	return &shop{version: s.version, pod: pod, errors: s.errors, delay: s.delay, ready: true}
}

func (s *shop) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", s.page)
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("PUT /control", s.control)
	for _, path := range []string{"/health", "/health/db", "/health/pinecone"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	}
	mux.HandleFunc("GET /health/ready", s.readiness)
	return mux
}

func (s *shop) behaviour() (float64, time.Duration) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.errors, s.delay
}

func (s *shop) readiness(w http.ResponseWriter, _ *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.ready {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// PUT /control?errors=0.3&delay=400ms&ready=false: what is not named stays. A value that cannot be read changes nothing.
func (s *shop) control(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	share, delay, ready := s.errors, s.delay, s.ready
	var err error
	query := r.URL.Query()
	if text := query.Get("errors"); err == nil && text != "" {
		share, err = strconv.ParseFloat(text, 64)
	}
	if text := query.Get("delay"); err == nil && text != "" {
		delay, err = time.ParseDuration(text)
	}
	if text := query.Get("ready"); err == nil && text != "" {
		ready, err = strconv.ParseBool(text)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.errors, s.delay, s.ready = share, delay, ready
	log.Printf("shop %s: errors %g, delay %s, ready %t", s.version, share, delay, ready)
}
