#!/bin/sh
# Runs in the tree when its packages, files and users are there.
set -e
test -f /.kconfig && . /.kconfig
test -f /.profile && . /.profile

baseInsertService ready
baseSetRunlevel 3
