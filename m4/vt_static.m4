# SPDX-License-Identifier: GPL-3.0-or-later

# VT_STATIC
# --enable-static: sets VT_STATIC_CFLAGS and VT_STATIC_LDFLAGS, and leaves readline out. Before
# VT_HARDENING, which leaves -pie out, and VT_READLINE.
AC_DEFUN([VT_STATIC], [
    AC_ARG_ENABLE([static],
                  [AS_HELP_STRING([--enable-static],
                                  [link small static programs, without readline])],
                  [], [enable_static=no])
    VT_STATIC_CFLAGS=
    VT_STATIC_LDFLAGS=
    AS_IF([test "x$enable_static" = xyes], [
        AS_IF([test "x$with_readline" = xyes],
              [AC_MSG_ERROR([--enable-static and --with-readline cannot be used together])])
        with_readline=no
        # Small, unless CFLAGS were given.
        AS_IF([test "x$CFLAGS" = "x-g -O2"], [CFLAGS="-g -Os"])
        VT_STATIC_CFLAGS="-ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables"
        VT_STATIC_LDFLAGS="-static -Wl,--gc-sections -Wl,-z,noseparate-code"
        # It takes another 4 %.
        VT_TRY_FLAG([-flto=auto], [VT_STATIC_CFLAGS])
        AC_MSG_CHECKING([whether $CC links static programs])
        vt_saved_ldflags=$LDFLAGS
        LDFLAGS="$LDFLAGS $VT_STATIC_LDFLAGS"
        AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])], [
            AC_MSG_RESULT([no])
            AC_MSG_ERROR([--enable-static needs a static C library])
        ])
        LDFLAGS=$vt_saved_ldflags
    ])
    AC_SUBST([VT_STATIC_CFLAGS])
    AC_SUBST([VT_STATIC_LDFLAGS])
])
