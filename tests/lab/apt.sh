# SPDX-License-Identifier: GPL-3.0-or-later
# Fetches packages of one Debian suite without installing them; sourced by kernel and device.
# shellcheck shell=bash disable=SC2154 # the caller sets $work, a temporary directory of its own
#
# apt runs with a configuration, lists and a cache of its own under $work, so that the machine's
# package lists stay as they are. Only the archive's address and the proxy settings are taken from
# the machine. Set VSOCK_LAB_MIRROR where the machine is not a Debian.
#
# apt verifies the packages with the keyring in /usr/share/keyrings. If that is too old to know the
# suite's keys, a newer debian-archive-keyring is fetched first from a suite that it does know, and
# verified in the same way.

# The archive's address: the first source of the machine that has a component "main" under a path
# that ends in /debian. Both the one-line format and deb822 are understood.
apt_archive() {
	if [ -n "${VSOCK_LAB_MIRROR:-}" ]; then
		echo "$VSOCK_LAB_MIRROR"
		return
	fi
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources \
		2>/dev/null | awk '
		/^deb / && / main( |$)/ {
			for (i = 2; i < NF; i++) if ($i ~ /\/debian\/?$/) { print $i; exit }
		}
		/^URIs:/ { uri = $2 }
		/^Components:/ && / main( |$)/ && uri ~ /\/debian\/?$/ { print uri; exit }'
}

# How apt reaches it from here, such as through a proxy.
apt_archive_settings() {
	apt-config dump | grep -E '^Acquire::(http|https)::' || true
}

# apt_for SUITE KEYRING: give apt a configuration for this suite alone, and fetch its package lists.
# Sets $apt_home. Many mirrors refresh the index of a suite that is not released rarely, so an
# expired one is accepted; its signature is still verified.
apt_for() {
	apt_home=$work/apt-$1
	mkdir -p "$apt_home/lists/partial" "$apt_home/cache/archives/partial" "$apt_home/parts"
	: >"$apt_home/status"
	echo "deb [arch=amd64 signed-by=$2] $apt_mirror $1 main" >"$apt_home/sources.list"
	{
		apt_archive_settings
		cat <<-END_OF_CONFIGURATION
			Dir::Etc::parts "$apt_home/parts";
			Dir::Etc::sourcelist "$apt_home/sources.list";
			Dir::Etc::sourceparts "$apt_home/parts";
			Dir::State "$apt_home";
			Dir::State::lists "$apt_home/lists";
			Dir::State::status "$apt_home/status";
			Dir::Cache "$apt_home/cache";
			APT::Architecture "amd64";
			APT::Architectures { "amd64"; };
			APT::Sandbox::User "";
			Acquire::Check-Valid-Until "false";
			Acquire::Languages "none";
			Acquire::Retries "3";
		END_OF_CONFIGURATION
	} >"$apt_home/apt.conf"
	export APT_CONFIG=$apt_home/apt.conf
	# Without Error-Mode=any apt-get would call a failed download a warning.
	apt-get -qq -o APT::Update::Error-Mode=any update >&2
}

# apt_with_keyring SUITE: the same with the machine's keyring, or a newer one if that is too old.
apt_with_keyring() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	apt_mirror=$(apt_archive)
	[ -n "$apt_mirror" ] || lab_die "no Debian archive among this machine's apt sources;" \
		"set VSOCK_LAB_MIRROR to the address of one"
	[ -r "$keyring" ] || lab_die "$keyring is missing (package debian-archive-keyring)"
	apt_for "$1" "$keyring" && return
	echo "${0##*/}: trying again with a newer debian-archive-keyring" >&2
	apt_for bookworm "$keyring" || lab_die "can't fetch a newer debian-archive-keyring"
	apt_fetch debian-archive-keyring
	apt_for "$1" "$work/tree/usr/share/keyrings/debian-archive-keyring.gpg" ||
		lab_die "can't fetch the lists of $1"
}

# apt_fetch PACKAGE...: download and unpack into $work/tree.
apt_fetch() {
	local package
	(cd "$apt_home/cache" && apt-get -qq download "$@" >&2)
	for package in "$apt_home"/cache/*.deb; do
		dpkg-deb -x "$package" "$work/tree"
		rm "$package"
	done
}
