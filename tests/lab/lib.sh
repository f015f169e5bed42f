# SPDX-License-Identifier: GPL-3.0-or-later
# What vm, pair, mux, kernel, device and lab-guest share; sourced, by bash.
# shellcheck shell=bash
#
# A VM of the lab is a directory and a qemu. The directory (shared with the VM by 9p under the tag
# "lab", writable, uncached) holds
#   boot      what initramfs needs to know, as shell assignments  (written by lab_job, read by init)
#   job       environment, working directory and command      (written by lab_job, read by inside)
#   out, err  what the command prints, as it prints it            (written by inside)
#   status    its exit status, written when all output is         (written by inside)
#   console   what the kernel prints                              (written by qemu)
# All of it goes through synchronous writes to files, so nothing of it can get lost at power-off.

lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab_cache=${VSOCK_LAB_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/vsock-lab}

lab_die() {
	echo "${0##*/}: $*" >&2
	exit 125
}

# lab_quote WORD...: the words quoted for any shell, one space between them.
lab_quote() {
	local word separator='' single="'\\''"
	for word in "$@"; do
		printf "%s'%s'" "$separator" "${word//\'/$single}"
		separator=' '
	done
}

# lab_command WORD: the shell command that runs it: the path of a script, or a command as it is.
lab_command() {
	if [ -f "$1" ]; then
		lab_quote "$(cd "$(dirname "$1")" && pwd)/${1##*/}"
	else
		echo "$1"
	fi
}

# lab_initrd KERNEL_FOLDER: print the path of an initramfs for that kernel: busybox, init and the
# modules that it takes to mount the root. Built once for each state of the file init.
lab_initrd() (
	set -eu
	local directory=$1 release sum initrd work module
	sum=$(cat "$lab/init" "$lab/lib.sh" | cksum)
	initrd=$directory/initrd-${sum%% *}
	if [ -e "$initrd" ]; then
		echo "$initrd"
		return
	fi
	command -v busybox cpio modprobe >/dev/null || lab_die "busybox, cpio or modprobe is missing (packages busybox-static, cpio, kmod)"
	release=$(cat "$directory/release")
	work=$(mktemp -d "$directory/initrd.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	mkdir -p "$work/tree/bin" "$work/tree/modules"
	cp "$(command -v busybox)" "$work/tree/bin/busybox"
	cp "$lab/init" "$work/tree/init"
	chmod +x "$work/tree/init"
	# The order in which they are to be loaded, each once.
	for module in virtio_pci 9p 9pnet_virtio overlay; do
		modprobe -d "$directory" -S "$release" -D "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$work/list"
	while read -r module; do
		cp "$module" "$work/tree/modules/"
		echo "${module##*/}"
	done <"$work/list" >"$work/tree/modules/order"
	(cd "$work/tree" && find . | cpio -o -H newc --quiet) >"$work/initrd"
	find "$directory" -maxdepth 1 -name "initrd-*" -mtime +1 -delete
	mv "$work/initrd" "$initrd"
	echo "$initrd"
)

# lab_job FOLDER KERNEL_FOLDER KIND MODULES SHARES ENVIRONMENT COMMAND...: write what the VM is to
# do into its directory. SHARES and ENVIRONMENT are names of arrays: directories, and NAME=VALUE
# words.
lab_job() {
	local directory=$1 kernel=$2 kind=$3 modules=$4 variable share n=0
	local -n lab_job_shares=$5 lab_job_environment=$6
	shift 6
	{
		echo "lab=$(lab_quote "$lab")"
		echo "directory=$(lab_quote "$directory")"
		echo "kernel=$(lab_quote "$kernel")"
		echo "kind=$kind"
		echo "systemd=${lab_systemd:-}"
		echo "mount_shares() {"
		echo ":"
		for share in "${lab_job_shares[@]}"; do
			echo "mount_share share$n $(lab_quote "$share")"
			n=$((n + 1))
		done
		echo "}"
	} >"$directory/boot"
	{
		echo "modules=$(lab_quote "$modules")"
		echo "merge=${lab_merge:-}"
		echo "terminal=$(lab_quote "${lab_terminal:-}")"
		for variable in "${lab_job_environment[@]}"; do
			echo "export $(lab_quote "$variable")"
		done
		echo "export VSOCK_LAB=$kind"
		echo "PATH=$(lab_quote "$lab/bin"):\$PATH"
		echo "cd $(lab_quote "$PWD")"
		echo "set -- $(lab_quote "$@")"
	} >"$directory/job"
	touch "$directory/out" "$directory/err"
}

# lab_qemu FOLDER KERNEL_FOLDER INITRD MEMORY CPUS SHARES: set the array $qemu to the command that
# boots this VM, but for the accelerator and devices of its own.
lab_qemu() {
	local directory=$1 kernel=$2 initrd=$3 memory=$4 cpus=$5 share n=0
	local -n lab_qemu_shares=$6
	# A comma inside a value is written twice for qemu. Without no_timer_check the kernel panics
	# ("IO-APIC + timer doesn't work") if the machine is busy while it looks whether the timer
	# ticks. norandmaps: in emulation programs start in a third of the time, because the
	# emulator keeps what it has translated by address.
	qemu=(qemu-system-x86_64 -nodefaults -no-user-config -display none -nic none -no-reboot
		-m "$memory" -smp "$cpus" -kernel "$kernel/vmlinuz" -initrd "$initrd"
		-append "console=ttyS0 quiet loglevel=4 no_timer_check norandmaps mitigations=off panic=-1 reboot=t systemd.firstboot=no systemd.show_status=no"
		-serial "file:$directory/console"
		-virtfs "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"
		-virtfs "local,path=${directory//,/,,},mount_tag=lab,security_model=none,multidevs=remap")
	for share in "${lab_qemu_shares[@]}"; do
		qemu+=(-virtfs "local,path=${share//,/,,},mount_tag=share$n,security_model=none,multidevs=remap")
		n=$((n + 1))
	done
}

# lab_accelerator: print kvm where a stock kernel boots with it within 10 s, else tcg. The answer
# holds until this machine boots again. VSOCK_LAB_ACCELERATOR overrides it.
lab_accelerator() {
	local answer
	if [ -n "${VSOCK_LAB_ACCELERATOR:-}" ]; then
		echo "$VSOCK_LAB_ACCELERATOR"
		return
	fi
	if [ ! -w /dev/kvm ]; then
		echo tcg
		return
	fi
	answer=$lab_cache/accelerator-$(cat /proc/sys/kernel/random/boot_id)
	mkdir -p "$lab_cache"
	# One asks, and others that start at the same time wait for the answer.
	(
		flock 9
		[ ! -s "$answer" ] || exit 0
		rm -f "$lab_cache"/accelerator-*
		if VSOCK_LAB_ACCELERATOR=kvm \
			"$lab/vm" --timeout 10 true </dev/null >/dev/null 2>&1 9>&-; then
			echo kvm >"$answer"
		else
			echo tcg >"$answer"
		fi
	) 9>"$lab_cache/accelerator.lock"
	cat "$answer"
}

# lab_directory: make a temporary directory that is removed when the calling script is gone, however
# it ended, and print its path.
lab_directory() {
	local directory
	directory=$(mktemp -d "${TMPDIR:-/tmp}/vsock-lab.XXXXXX")
	# The descriptors that bats and others pass on are closed, so that nobody waits for the end
	# of a pipe that this holds.
	# shellcheck disable=SC2016
	setsid sh -c 'exec 3>&- 4>&- 5>&- 6>&- 9>&-; tail --pid="$1" -s 0.5 -f /dev/null; rm -rf -- "$2"' sh $$ "$directory" \
		</dev/null >/dev/null 2>&1 &
	echo "$directory"
}

# lab_environment ARRAY: put the caller's VSOCK_* in front of the NAME=VALUE words in ARRAY.
lab_environment() {
	local -n lab_environment_words=$1
	local word
	while IFS= read -r -d '' word; do
		case $word in
			VSOCK_*=*) lab_environment_words=("$word" "${lab_environment_words[@]}") ;;
		esac
	done < <(env -0)
}
