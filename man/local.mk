# SPDX-License-Identifier: GPL-3.0-or-later
# tests/manual.bats holds that they agree with --list-options, tests/examples.bats that their examples work.
dist_man_MANS += \
	man/vsock-address.7 \
	man/vsock-cat.1 \
	man/vsock-info.1 \
	man/vsock-listen.1 \
	man/vsock-ping.1 \
	man/vsock-proxy.1
