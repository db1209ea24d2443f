//go:build tools

// Package tools names what .ci/kubernetes builds, so that go.sum holds their checksums.
package tools

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)
