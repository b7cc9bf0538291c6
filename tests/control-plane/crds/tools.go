//go:build tools

// Package tools pins what the control plane of the tests is built from.
package tools

import (
	_ "istio.io/api/networking/v1"
	_ "sigs.k8s.io/gateway-api/apis/v1"
)
