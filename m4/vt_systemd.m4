# SPDX-License-Identifier: GPL-3.0-or-later

# VT_SYSTEMD
# Where systemd's units go: sets systemdsystemunitdir, and sysusersdir beside it. The default is
# below our prefix, which systemd reads for /usr and /usr/local, so that `make install` with a
# prefix of one's own never writes elsewhere.
AC_DEFUN([VT_SYSTEMD], [
    AC_ARG_WITH([systemdsystemunitdir],
                [AS_HELP_STRING([--with-systemdsystemunitdir=DIR|no],
                                [where the units of vsock-proxy go (default PREFIX/lib/systemd/system)])],
                [systemdsystemunitdir=$withval], [systemdsystemunitdir=yes])
    AS_IF([test "x$systemdsystemunitdir" = xyes],
          [systemdsystemunitdir='${prefix}/lib/systemd/system'])
    AC_SUBST([systemdsystemunitdir])
    AC_SUBST([sysusersdir], ['${prefix}/lib/sysusers.d'])
    AM_CONDITIONAL([WITH_SYSTEMD_UNITS], [test "x$systemdsystemunitdir" != xno])
])
