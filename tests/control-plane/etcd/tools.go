//go:build tools

// Package tools pins what the control plane of the tests is built from.
package tools

import (
	_ "go.etcd.io/etcd/server/v3"
)
