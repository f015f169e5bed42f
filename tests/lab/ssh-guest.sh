#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ssh-guest.sh: the guest of ssh.bats: an sshd for each connection to vsock port 22. The host has
# put keys into $LAB_SHARE.

set -eu
# shellcheck source=tests/lab/states.sh
. "$(dirname "${BASH_SOURCE[0]}")/states.sh"
PATH=$VSOCK_TOOLS_BUILD:$PATH
mkdir -p /run/sshd /root/keys
cp "$LAB_SHARE"/host_key "$LAB_SHARE"/user_key.pub /root/keys/
chmod 600 /root/keys/*
sed -i 's/^root:[^:]*:/root:*:/' /etc/shadow # locked accounts are refused
cat >/root/keys/config <<'END'
HostKey /root/keys/host_key
AuthorizedKeysFile /root/keys/user_key.pub
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
StrictModes no
Subsystem sftp internal-sftp
END
rm -f /root/.bashrc /root/.profile # what they start takes longer here than all the rest
cd /root
git init -q --bare there.git
vsock-listen -v --ready-fd 3 22 -- /usr/sbin/sshd -i -f /root/keys/config 3>ready &
until seen 'READY *' ready; do nap 0.1; done
lab-ready
wait
