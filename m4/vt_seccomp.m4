# SPDX-License-Identifier: GPL-3.0-or-later

# VT_SECCOMP
# --with-seccomp=auto|yes|no: defines HAVE_LIBSECCOMP and sets SECCOMP_CFLAGS and SECCOMP_LIBS where
# libseccomp is there and wanted. 2.5: binary trees, and the attribute that keeps old kernels from
# slowing a filtered process down.
AC_DEFUN([VT_SECCOMP], [
    AC_ARG_WITH([seccomp],
                [AS_HELP_STRING([--with-seccomp=auto|yes|no],
                                [a filter of system calls in the worker of vsock-proxy (auto)])],
                [], [with_seccomp=auto])
    have_seccomp=no
    SECCOMP_CFLAGS=
    SECCOMP_LIBS=
    AS_IF([test "x$with_seccomp" != xno],
          [PKG_CHECK_MODULES([SECCOMP], [libseccomp >= 2.5.0], [have_seccomp=yes],
                             [have_seccomp=no])])
    AS_IF([test "x$have_seccomp" = xyes],
          [AC_DEFINE([HAVE_LIBSECCOMP], [1], [Define to 1 if libseccomp can be used.])],
          [AS_IF([test "x$with_seccomp" = xyes],
                 [AC_MSG_ERROR([libseccomp 2.5 is missing (Debian: libseccomp-dev); --without-seccomp builds without it])])])
    AC_SUBST([SECCOMP_CFLAGS])
    AC_SUBST([SECCOMP_LIBS])
    AM_CONDITIONAL([HAVE_SECCOMP], [test "x$have_seccomp" = xyes])
])
