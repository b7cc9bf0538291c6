// The first runbook's application as a container: it answers with its version, counts what it answered, fails and dawdles on demand.
// The same binary is the pause container (first argument "pause"), so that one image layer is enough for a node.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// Between SIGTERM and the end: whoever still has this pod's address is answered, as behind a preStop hook.
const linger = 3 * time.Second

// What the image says of itself: its version, and how it behaves unless told otherwise.
type settings struct {
	version string
	listen  string
	errors  float64
	delay   time.Duration
	crash   bool
}

func fromEnvironment() (settings, error) {
	s := settings{version: os.Getenv("SHOP_VERSION"), listen: os.Getenv("SHOP_LISTEN"), crash: os.Getenv("SHOP_CRASH") != ""}
	var err error
	if text := os.Getenv("SHOP_ERRORS"); text != "" {
		if s.errors, err = strconv.ParseFloat(text, 64); err != nil {
			return s, fmt.Errorf("SHOP_ERRORS: %w", err)
		}
	}
	if text := os.Getenv("SHOP_DELAY"); text != "" {
		if s.delay, err = time.ParseDuration(text); err != nil {
			return s, fmt.Errorf("SHOP_DELAY: %w", err)
		}
	}
	return s, nil
}

func main() {
	log.SetFlags(log.LUTC | log.Ldate | log.Ltime)
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if len(os.Args) > 1 && os.Args[1] == "pause" {
		<-stop.Done()
		return
	}
	if os.Getenv("SHOP_SAYS") != "" {
		code, err := play(stop)
		if err != nil {
			log.Fatal(err)
		}
		os.Exit(code)
	}
	s, err := fromEnvironment()
	if err != nil {
		log.Fatal(err)
	}
	if s.crash {
		log.Fatalf("shop %s: no connection to the database, giving up", s.version)
	}
	if err := serve(stop, s); err != nil {
		log.Fatal(err)
	}
}

func serve(stop context.Context, s settings) error {
	shop := newShop(s)
	server := &http.Server{Addr: s.listen, Handler: shop.routes(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-stop.Done()
		log.Printf("shop %s: told to end", s.version)
		time.Sleep(linger)
		limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(limit)
	}()
	log.Printf("shop %s: listening on %s", s.version, s.listen)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// One request of a customer.
func (s *shop) page(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	share, delay := s.behaviour()
	time.Sleep(delay)
	code := http.StatusOK
	if rand.Float64() < share {
		code = http.StatusInternalServerError
	}
	w.Header().Set("X-Shop-Version", s.version)
	w.Header().Set("X-Shop-Pod", s.pod)
	// Counted before the customer has the answer: no counter ever lags behind what was seen.
	s.counters.count(r.Method, code, time.Since(began).Seconds())
	w.WriteHeader(code)
	fmt.Fprintf(w, "%s %s\n", s.version, s.pod)
}
