# SPDX-License-Identifier: GPL-3.0-or-later
#
# What is asked of the compiler: the language, the warnings, the hardening.

# VT_TRY_FLAG(FLAG, VARIABLE)
# Appends FLAG to VARIABLE where the compiler takes it. With -Werror, since clang only warns about a
# flag that it does not know, and would then warn in every file.
AC_DEFUN([VT_TRY_FLAG], [
    AS_VAR_PUSHDEF([vt_cache], [vt_cv_cflag_$1])
    AC_CACHE_CHECK([whether $CC takes $1], [vt_cache], [
        vt_saved_cflags=$CFLAGS
        CFLAGS="$CFLAGS -Werror $1"
        AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])], [AS_VAR_SET([vt_cache], [yes])],
                          [AS_VAR_SET([vt_cache], [no])])
        CFLAGS=$vt_saved_cflags
    ])
    AS_VAR_IF([vt_cache], [yes], [AS_VAR_APPEND([$2], [" $1"])])
    AS_VAR_POPDEF([vt_cache])
])

# VT_TRY_LDFLAG(FLAG, VARIABLE)
# The same for the linker, by linking.
AC_DEFUN([VT_TRY_LDFLAG], [
    AS_VAR_PUSHDEF([vt_cache], [vt_cv_ldflag_$1])
    AC_CACHE_CHECK([whether $CC links with $1], [vt_cache], [
        vt_saved_ldflags=$LDFLAGS
        LDFLAGS="$LDFLAGS -Werror $1"
        AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AS_VAR_SET([vt_cache], [yes])],
                       [AS_VAR_SET([vt_cache], [no])])
        LDFLAGS=$vt_saved_ldflags
    ])
    AS_VAR_IF([vt_cache], [yes], [AS_VAR_APPEND([$2], [" $1"])])
    AS_VAR_POPDEF([vt_cache])
])

# VT_C11
# C11 with the GNU extensions that we use; adds -std=gnu11 to CC where the compiler's own default is
# older.
AC_DEFUN([VT_C11], [
    AC_CACHE_CHECK([how $CC takes C11 with GNU extensions], [vt_cv_c11], [
        vt_cv_c11=no
        vt_saved_cc=$CC
        for vt_flag in '' -std=gnu11; do
            CC="$vt_saved_cc $vt_flag"
            AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#if __STDC_VERSION__ < 201112L
#error older than C11
#endif
_Static_assert(sizeof(char) == 1, "C11");
struct outer { union { int number; void *pointer; }; };
]], [[
struct outer value = { .number = 1 };
__typeof__(value) *copy = &value;
return _Generic(copy->number, int: ({ copy->number; }), default: 2);
]])], [vt_cv_c11=${vt_flag:-default}; break])
        done
        CC=$vt_saved_cc
    ])
    AS_CASE([$vt_cv_c11],
        [no], [AC_MSG_ERROR([$CC takes no C11 with GNU extensions: use gcc or clang])],
        [default], [],
        [CC="$CC $vt_cv_c11"])
])

# VT_WARNINGS
# Sets VT_WARNING_CFLAGS; --enable-werror makes them errors in our own files only, never in
# configure's tests.
AC_DEFUN([VT_WARNINGS], [
    AC_ARG_ENABLE([werror],
                  [AS_HELP_STRING([--enable-werror], [make warnings of the compiler errors])], [],
                  [enable_werror=no])
    VT_WARNING_CFLAGS=
    m4_foreach_w([vt_warning], [
        -Wall -Wextra
        -Wcast-align
        -Wconversion
        -Wdate-time
        -Wdeclaration-after-statement
        -Wdouble-promotion
        -Wduplicated-branches
        -Wduplicated-cond
        -Wformat=2
        -Wmissing-declarations
        -Wmissing-prototypes
        -Wold-style-definition
        -Wpointer-arith
        -Wredundant-decls
        -Wshadow
        -Wstrict-prototypes
        -Wundef
        -Wvla
        -Wwrite-strings
    ], [VT_TRY_FLAG(vt_warning, [VT_WARNING_CFLAGS])])
    # Not -Wimplicit-fallthrough: gcc's -Wextra has it and reads a comment as a yes, clang's does
    # not read. Tables of options, families and causes leave out what is zero on purpose; naming
    # each member would hide the rest.
    VT_TRY_FLAG([-Wno-missing-field-initializers], [VT_WARNING_CFLAGS])
    # Messages are cut on purpose where their room ends; which of them gcc reports changes with what
    # it inlines.
    VT_TRY_FLAG([-Wno-format-truncation], [VT_WARNING_CFLAGS])
    # -Wconversion of clang brings this one along, gcc's does not: size_t to ssize_t after a checked
    # read is our daily bread.
    VT_TRY_FLAG([-Wno-sign-conversion], [VT_WARNING_CFLAGS])
    AS_IF([test "x$enable_werror" = xyes], [AS_VAR_APPEND([VT_WARNING_CFLAGS], [" -Werror"])])
    AC_SUBST([VT_WARNING_CFLAGS])
])

# VT_HARDENING
# Sets VT_HARDENING_CPPFLAGS, VT_HARDENING_CFLAGS, VT_HARDENING_LDFLAGS. After VT_SANITIZERS and
# VT_COVERAGE.
AC_DEFUN([VT_HARDENING], [
    AC_ARG_ENABLE([hardening],
                  [AS_HELP_STRING([--disable-hardening],
                                  [build without stack protector, PIE, RELRO and fortified calls])],
                  [], [enable_hardening=yes])
    VT_HARDENING_CPPFLAGS=
    VT_HARDENING_CFLAGS=
    VT_HARDENING_LDFLAGS=
    AS_IF([test "x$enable_hardening" = xyes], [
        VT_TRY_FLAG([-fstack-protector-strong], [VT_HARDENING_CFLAGS])
        # Pages below a large stack frame are touched one by one, so that it cannot jump over the
        # guard page.
        VT_TRY_FLAG([-fstack-clash-protection], [VT_HARDENING_CFLAGS])
        # A static program cannot be linked with -pie (that would be -static-pie, which not every
        # libc has).
        AS_CASE([" $LDFLAGS $CFLAGS $VT_STATIC_LDFLAGS "], [*" -static "*], [], [
            VT_TRY_FLAG([-fPIE], [VT_HARDENING_CFLAGS])
            VT_TRY_LDFLAG([-pie], [VT_HARDENING_LDFLAGS])
        ])
        VT_TRY_LDFLAG([-Wl,-z,relro], [VT_HARDENING_LDFLAGS])
        VT_TRY_LDFLAG([-Wl,-z,now], [VT_HARDENING_LDFLAGS])
        # glibc warns about _FORTIFY_SOURCE without optimisation, and AddressSanitizer does not see
        # into the fortified calls. Not twice either: some distributions' compilers and packagers
        # define it themselves.
        AC_CACHE_CHECK([whether to define _FORTIFY_SOURCE], [vt_cv_fortify], [
            AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#if !defined __OPTIMIZE__ || defined _FORTIFY_SOURCE
#error no
#endif
]], [])], [vt_cv_fortify=yes], [vt_cv_fortify=no])
        ])
        AS_IF([test "x$vt_cv_fortify$vt_sanitizers" = xyes && test "x$enable_coverage" != xyes],
              [VT_HARDENING_CPPFLAGS=-D_FORTIFY_SOURCE=2])
    ])
    AC_SUBST([VT_HARDENING_CPPFLAGS])
    AC_SUBST([VT_HARDENING_CFLAGS])
    AC_SUBST([VT_HARDENING_LDFLAGS])
])
