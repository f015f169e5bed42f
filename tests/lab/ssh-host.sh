#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ssh-host.sh: the host of ssh.bats: logs in to the guest over vsock, and copies to it, in several
# ways. Prints "ok NAME" for each that works.

set -u
PATH=$VSOCK_TOOLS_BUILD:$PATH
cd "$LAB_SHARE" || exit 1
ssh-keygen -q -t ed25519 -N '' -f host_key
ssh-keygen -q -t ed25519 -N '' -f user_key
cp user_key /root/user_key
chmod 600 /root/user_key
mkdir /root/work
cd /root/work || exit 1
echo '42 web' >hosts
export VSOCK_HOSTS=$PWD/hosts
cat >config <<'END'
Host *
    IdentityFile /root/user_key
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
    User root
    # not the one that an emulated processor needs a second for
    KexAlgorithms curve25519-sha256

Host *.vsock
    HostKeyAlias %h
    ProxyUseFdpass yes
    ProxyCommand vsock-cat -F --wait 60s $(basename %h .vsock) %p

Host vsock/* vsock%*
    HostKeyAlias %h
    CheckHostIP no
    ProxyUseFdpass yes
    ProxyCommand vsock-cat -F --wait 60s %h %p
END
lab-guest start || exit 1

is() {
	if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'not ok %s: %s\n' "$1" "$2"; fi
}
in_guest() {
	ssh -F config "$@" </dev/null
}

# The first one waits for a guest that is still booting.
is wait "$(in_guest -o ProxyUseFdpass=yes -o ProxyCommand='vsock-cat -F --wait 180s %h 22' \
	root@web 'cat /run/vsock-lab; exit 7'; echo $?)" $'guest\n7'
is relayed "$(in_guest -o ProxyCommand='vsock-cat --wait 60s %h 22' root@web \
	'cat /run/vsock-lab; exit 7'; echo $?)" $'guest\n7'
is slash "$(in_guest vsock/42 cat /run/vsock-lab)" guest
is percent "$(in_guest vsock%42 cat /run/vsock-lab)" guest

head -c 3M /dev/urandom >data
scp -q -F config data web.vsock:/root/copied
is scp "$(in_guest web.vsock 'sha256sum </root/copied')" "$(sha256sum <data)"
mkdir directory && cp data config directory/
rsync -a -e 'ssh -F config' directory/ web.vsock:/root/directory/ &&
	rsync -a -e 'ssh -F config' web.vsock:/root/directory/ back/
is rsync "$(cd back && sha256sum -- *)" "$(cd directory && sha256sum -- *)"
export GIT_SSH_COMMAND="ssh -F $PWD/config" GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e \
	GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e
git init -q -b main here && git -C here commit -q --allow-empty -m first
git -C here push -q web.vsock:/root/there.git main &&
	git clone -q -b main web.vsock:/root/there.git again
is git "$(git -C again log --format=%s)" first

# A directory of the guest, read and written.
mounted() {
	mkdir -p mnt
	sshfs -F "$PWD/config" "$@" mnt </dev/null || return
	sha256sum <mnt/data
	echo written >mnt/new && in_guest web.vsock \
		'cat /root/directory/new; rm /root/directory/new'
	fusermount3 -u mnt
}
if command -v sshfs >/dev/null; then
	[ -e /dev/fuse ] || mknod /dev/fuse c 10 229
	is sshfs "$(mounted web.vsock:/root/directory)" "$(sha256sum <data)"$'\n'written
	vsock-proxy --ready-fd 9 tcp:127.0.0.1:2222 vsock:web:22 9>ready 2>proxy.err &
	until grep -q '^READY' ready; do sleep 0.1; done
	is sshfs-proxy "$(mounted -p 2222 127.0.0.1:/root/directory)" \
		"$(sha256sum <data)"$'\n'written
	kill $!
fi

# While a session runs, nothing relays; without -F something does.
mkfifo input
held() {
	timeout 60 ssh -F config "$@" 'echo up; cat' <input >output &
	exec 8>input
	timeout 60 sh -c 'until grep -q up output; do sleep 0.1; done'
	pgrep -cx vsock-cat
	exec 8>&-
	wait
}
is nothing-between "$(held web.vsock)" 0
is between "$(held -o ProxyUseFdpass=no -o ProxyCommand='vsock-cat web 22' web.vsock)" 1
