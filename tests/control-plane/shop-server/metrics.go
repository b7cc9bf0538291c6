package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Upper edges of the duration histogram, in seconds.
var edges = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

type answer struct {
	method string
	code   int
}

// Prometheus' families, by hand: the text format is simpler than its client library.
type counters struct {
	mutex    sync.Mutex
	requests map[answer]uint64
	buckets  [11]uint64
	seconds  float64
	total    uint64
}

func (c *counters) count(method string, code int, seconds float64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.requests == nil {
		c.requests = map[answer]uint64{}
	}
	c.requests[answer{method, code}]++
	for i, edge := range edges {
		if seconds <= edge {
			c.buckets[i]++
		}
	}
	c.seconds += seconds
	c.total++
}

func (s *shop) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	fmt.Fprint(w, s.counters.page())
}

func (c *counters) page() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var lines []string
	for answer, count := range c.requests {
		lines = append(lines, fmt.Sprintf("http_requests_total{method=%q,code=\"%d\"} %d\n", answer.method, answer.code, count))
	}
	slices.Sort(lines)
	page := "# TYPE http_requests_total counter\n" + strings.Join(lines, "")
	page += "# TYPE http_request_duration_seconds histogram\n"
	for i, edge := range edges {
		page += fmt.Sprintf("http_request_duration_seconds_bucket{le=\"%g\"} %d\n", edge, c.buckets[i])
	}
	page += fmt.Sprintf("http_request_duration_seconds_bucket{le=\"+Inf\"} %d\n", c.total)
	return page + fmt.Sprintf("http_request_duration_seconds_sum %g\nhttp_request_duration_seconds_count %d\n", c.seconds, c.total)
}
