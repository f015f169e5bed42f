# SPDX-License-Identifier: GPL-3.0-or-later

# VT_READLINE
# --with-readline=auto|yes|no: defines HAVE_LIBREADLINE and sets READLINE_CFLAGS and READLINE_LIBS
# where GNU readline is there and wanted. By pkg-config first, then by linking: a static readline
# needs its terminal library named.
AC_DEFUN([VT_READLINE], [
    AC_ARG_WITH([readline],
                [AS_HELP_STRING([--with-readline=auto|yes|no],
                                [line editing in vsock-cat -I (auto)])],
                [], [with_readline=auto])
    have_readline=no
    READLINE_CFLAGS=
    READLINE_LIBS=
    AS_IF([test "x$with_readline" != xno], [
        PKG_CHECK_EXISTS([readline], [
            READLINE_CFLAGS=$($PKG_CONFIG --cflags readline)
            vt_readline_candidates=$($PKG_CONFIG --libs readline)
        ], [vt_readline_candidates=])
        vt_saved_libs=$LIBS
        vt_saved_cppflags=$CPPFLAGS
        CPPFLAGS="$CPPFLAGS $READLINE_CFLAGS"
        AC_MSG_CHECKING([how to link with GNU readline])
        for vt_libs in "$vt_readline_candidates" -lreadline "-lreadline -ltinfo" \
            "-lreadline -lncurses"; do
            test -n "$vt_libs" || continue
            LIBS="$vt_libs $vt_saved_libs"
            # The callback interface, which the loop needs; the imitations (libedit) lack
            # rl_callback_sigcleanup.
            AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <stdio.h>
#include <readline/readline.h>
#include <readline/history.h>
]], [[rl_callback_read_char(); rl_callback_sigcleanup(); add_history("");]])],
                           [have_readline=yes; READLINE_LIBS=$vt_libs; break])
        done
        LIBS=$vt_saved_libs
        CPPFLAGS=$vt_saved_cppflags
        AS_IF([test "x$have_readline" = xyes], [AC_MSG_RESULT([$READLINE_LIBS])],
              [AC_MSG_RESULT([not found])])
    ])
    AS_IF([test "x$have_readline" = xyes],
          [AC_DEFINE([HAVE_LIBREADLINE], [1], [Define to 1 if GNU readline can be used.])],
          [AS_IF([test "x$with_readline" = xyes],
                 [AC_MSG_ERROR([GNU readline is missing (Debian: libreadline-dev); --without-readline builds without it])])])
    AC_SUBST([READLINE_CFLAGS])
    AC_SUBST([READLINE_LIBS])
    AM_CONDITIONAL([HAVE_READLINE], [test "x$have_readline" = xyes])
])
