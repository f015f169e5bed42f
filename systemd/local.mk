# SPDX-License-Identifier: GPL-3.0-or-later
# systemd's units; the socket is an example, which is installed as documentation.
systemd_units = systemd/vsock-proxy.service systemd/vsock-proxy@.service
EXTRA_DIST += systemd/vsock-proxy.service.in systemd/vsock-proxy@.service.in systemd/vsock-proxy@web.socket

$(systemd_units): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && sed 's,[@]bindir[@],$(bindir),g' '$(srcdir)/$@.in' >$@.tmp && mv $@.tmp $@

if WITH_SYSTEMD_UNITS
systemdsystemunit_DATA = $(systemd_units)
endif
dist_doc_DATA += systemd/vsock-proxy@web.socket
noinst_DATA = $(systemd_units)
CLEANFILES += $(systemd_units)
