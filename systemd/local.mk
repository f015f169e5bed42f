# SPDX-License-Identifier: GPL-3.0-or-later
# systemd's units and the worker's user; the socket is an example, which is installed as
# documentation. All are installed under the name that their program has: see scripts/rename.
systemd_units = systemd/vsock-proxy.service systemd/vsock-proxy@.service \
	systemd/vsock-run.service
systemd_example = systemd/vsock-proxy@web.socket
EXTRA_DIST += scripts/rename systemd/vsock-proxy.service.in systemd/vsock-proxy@.service.in \
	systemd/vsock-proxy@web.socket.in systemd/vsock-proxy.sysusers \
	systemd/vsock-run.service.in

installed_proxy = $(shell echo vsock-proxy | sed '$(transform)')
installed_listen = $(shell echo vsock-listen | sed '$(transform)')
installed_run = $(shell echo vsock-run | sed '$(transform)')

$(systemd_units) $(systemd_example): %: %.in Makefile scripts/rename
	$(AM_V_GEN)$(MKDIR_P) systemd && \
		sed -e 's,[@]bindir[@]/vsock-proxy,$(bindir)/$(installed_proxy),g' \
			-e 's,[@]bindir[@]/vsock-listen,$(bindir)/$(installed_listen),g' \
			'$(srcdir)/$@.in' | \
		$(srcdir)/scripts/rename '$(transform)' >$@.tmp && mv $@.tmp $@
noinst_DATA = $(systemd_units) $(systemd_example)
CLEANFILES += $(systemd_units) $(systemd_example)

install_parts += install-units
install-units: $(systemd_units) $(systemd_example)
	$(MKDIR_P) '$(DESTDIR)$(docdir)'
	$(INSTALL_DATA) $(systemd_example) '$(DESTDIR)$(docdir)/$(installed_proxy)@web.socket'
if WITH_SYSTEMD_UNITS
	$(MKDIR_P) '$(DESTDIR)$(systemdsystemunitdir)' '$(DESTDIR)$(sysusersdir)'
	$(INSTALL_DATA) systemd/vsock-proxy.service '$(DESTDIR)$(systemdsystemunitdir)/$(installed_proxy).service'
	$(INSTALL_DATA) systemd/vsock-proxy@.service '$(DESTDIR)$(systemdsystemunitdir)/$(installed_proxy)@.service'
	$(INSTALL_DATA) systemd/vsock-run.service '$(DESTDIR)$(systemdsystemunitdir)/$(installed_run).service'
	$(INSTALL_DATA) '$(srcdir)/systemd/vsock-proxy.sysusers' '$(DESTDIR)$(sysusersdir)/$(installed_proxy).conf'
endif

uninstall_parts += uninstall-units
uninstall-units:
	rm -f '$(DESTDIR)$(docdir)/$(installed_proxy)@web.socket'
if WITH_SYSTEMD_UNITS
	rm -f '$(DESTDIR)$(systemdsystemunitdir)/$(installed_proxy).service' \
		'$(DESTDIR)$(systemdsystemunitdir)/$(installed_proxy)@.service' \
		'$(DESTDIR)$(systemdsystemunitdir)/$(installed_run).service' \
		'$(DESTDIR)$(sysusersdir)/$(installed_proxy).conf'
endif
.PHONY: install-units uninstall-units
