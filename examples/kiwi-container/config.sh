#!/bin/sh
# Runs in the tree when files and users are there. /.profile says what the description says.
set -e
test -f /.kconfig && . /.kconfig
test -f /.profile && . /.profile

baseUpdateSysConfig /etc/greeting VERSION "$kiwi_iversion"
echo "hello from $kiwi_iname $kiwi_iversion" > /srv/greeting
