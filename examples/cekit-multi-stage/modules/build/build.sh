#!/bin/sh
set -e
# The directory of the module is here while it is installed.
cd /tmp/scripts/build
export CGO_ENABLED=0
go build -o hello-world hello-world.go
