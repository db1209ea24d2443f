#!/bin/sh
# Waits until the load balancer has given the Service of this pod an address, then writes the
# gateway's configuration with it. POD_NAME names pod and Service; CONFIG and WRITTEN are folders.
set -eu

# Host name or address, the first that there is.
address() {
  found=$(kubectl get service "$POD_NAME" \
    -o 'jsonpath={range .status.loadBalancer.ingress[*]}{.hostname} {.ip} {end}') || return 1
  # shellcheck disable=SC2086 # the words of it
  set -- $found
  found=${1:-}
  [ -n "$found" ]
}

waited=0
until address; do
  if [ "$waited" -ge "$SECONDS_MAX" ]; then
    echo "Service $POD_NAME has no address after $waited s; see: kubectl describe service $POD_NAME" >&2
    exit 1
  fi
  sleep 2
  waited=$((waited + 2))
done
case $found in *:*) found="[$found]" ;; esac
sed "s/\"address\.pending:/\"$found:/" "$CONFIG/$POD_NAME.toml" >"$WRITTEN/$POD_NAME.toml"
echo "advertising $found"
