//go:build tools

// Package tools pins what the control plane of the tests is built from.
package tools

import (
	_ "sigs.k8s.io/kwok/cmd/kwok"
)
