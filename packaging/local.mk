# SPDX-License-Identifier: GPL-3.0-or-later
# Packages: packaging/README.md says how to build them.
EXTRA_DIST += REUSE.toml LICENSES/GPL-3.0-or-later.txt scripts/release \
	packaging/README.md packaging/deb packaging/rpm/build packaging/rpm/rpmlint.toml \
	packaging/alpine/vsock-proxy.initd packaging/alpine/vsock-proxy.pre-install \
	packaging/examples/hosts packaging/examples/proxy.rules \
	packaging/debian/rules packaging/debian/source/format \
	packaging/debian/vsock-proxy.dirs packaging/debian/vsock-proxy.postinst \
	packaging/debian/vsock-proxy.prerm packaging/debian/vsock-proxy.lintian-overrides \
	packaging/debian/vsock-tools.lintian-overrides packaging/debian/vsock-proxy.install \
	packaging/debian/vsock-tools.install \
	packaging/debian/tests/control packaging/debian/tests/functions \
	packaging/debian/tests/main-job \
	packaging/debian/tests/service packaging/debian/tests/vsock

# deb: the Debian packages, in the directory debian-packages of the build.
deb: dist
	$(AM_V_GEN)$(top_srcdir)/packaging/deb '$(distdir).tar.xz' packaging/debian debian-packages

# rpm: the same for RPM, in rpm-packages.
rpm: dist
	$(AM_V_GEN)$(top_srcdir)/packaging/rpm/build '$(distdir).tar.xz' \
		packaging/rpm/vsock-tools.spec rpm-packages

# alpine: what abuild needs, with the checksums, in alpine-package.
alpine: dist
	$(AM_V_GEN)rm -rf alpine-package && $(MKDIR_P) alpine-package && \
		cp '$(distdir).tar.xz' $(srcdir)/packaging/alpine/vsock-proxy.* alpine-package && \
		(cd alpine-package && sha512sum '$(distdir).tar.xz' vsock-proxy.initd) \
		>alpine-package/sums && \
		sed -e '/[@]SHA512SUMS[@]/{r alpine-package/sums' -e 'd;}' \
		packaging/alpine/APKBUILD >alpine-package/APKBUILD && \
		rm alpine-package/sums
.PHONY: alpine deb rpm
