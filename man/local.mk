# SPDX-License-Identifier: GPL-3.0-or-later
# tests/manual.bats checks that they agree with --list-options, tests/examples.bats that their
# examples work.
dist_man_MANS += \
	man/vsock-address.7 \
	man/vsock-cat.1 \
	man/vsock-info.1 \
	man/vsock-listen.1 \
	man/vsock-ping.1 \
	man/vsock-proxy.1 \
	man/vsock-proxy.rules.5 \
	man/vsock-run.1 \
	man/vsock-tools.7
EXTRA_DIST += man/html

# The pages for a browser, in html/.
html-local:
	$(AM_V_GEN)$(top_srcdir)/man/html html
mostlyclean-local: html-clean
html-clean:
	-rm -rf html
.PHONY: html-clean

# automake has installed the pages under the names that --program-prefix and its kin give them; what
# they say about themselves and each other follows.
install_hooks += install-renamed-pages
install-renamed-pages:
	@for page in $(notdir $(dist_man_MANS)); do \
		section=$${page##*.}; \
		name=$$(echo "$${page%.*}" | sed '$(transform)'); \
		file='$(DESTDIR)$(mandir)'/man$$section/$$name.$$section; \
		$(top_srcdir)/scripts/rename '$(transform)' <"$$file" >page.tmp || exit 1; \
		cmp -s page.tmp "$$file" || $(INSTALL_DATA) page.tmp "$$file" || exit 1; \
	done; rm -f page.tmp
.PHONY: install-renamed-pages
