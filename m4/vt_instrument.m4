# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds that watch themselves: assertions, sanitizers and coverage.

# VT_CHECKS
# --enable-checks: defines RELAY_CHECK.
AC_DEFUN([VT_CHECKS], [
    AC_ARG_ENABLE([checks], [AS_HELP_STRING([--enable-checks], [abort when a relay is in a state that it may not be in])], [],
                  [enable_checks=no])
    AS_IF([test "x$enable_checks" = xyes],
          [AC_DEFINE([RELAY_CHECK], [1], [Define to 1 to check the state of each relay after every turn.])])
])

# VT_SANITIZERS
# --enable-asan, --enable-ubsan, --enable-fuzzer: sets VT_SANITIZER_CFLAGS, VT_SANITIZER_LDFLAGS and
# vt_sanitizers (empty without any).
AC_DEFUN([VT_SANITIZERS], [
    AC_ARG_ENABLE([asan],
                  [AS_HELP_STRING([--enable-asan],
                                  [build with AddressSanitizer and LeakSanitizer])], [],
                  [enable_asan=no])
    AC_ARG_ENABLE([ubsan],
                  [AS_HELP_STRING([--enable-ubsan], [build with UndefinedBehaviorSanitizer])], [],
                  [enable_ubsan=no])
    AC_ARG_ENABLE([fuzzer],
                  [AS_HELP_STRING([--enable-fuzzer],
                                  [build tests/fuzz for libFuzzer, which takes clang])], [],
                  [enable_fuzzer=no])
    # The fuzzer itself comes with a main(), so only what is in tests/fuzz is linked with it.
    VT_FUZZER_LDFLAGS=
    AS_IF([test "x$enable_fuzzer" = xyes], [
        enable_asan=yes
        enable_ubsan=yes
        VT_FUZZER_LDFLAGS=-fsanitize=fuzzer
    ])
    AC_SUBST([VT_FUZZER_LDFLAGS])
    AM_CONDITIONAL([WITH_FUZZER], [test "x$enable_fuzzer" = xyes])
    vt_sanitizers=
    AS_IF([test "x$enable_asan" = xyes], [vt_sanitizers=address])
    AS_IF([test "x$enable_ubsan" = xyes],
          [vt_sanitizers="${vt_sanitizers:+$vt_sanitizers,}undefined"])
    AS_IF([test "x$enable_fuzzer" = xyes], [vt_sanitizers="fuzzer-no-link,$vt_sanitizers"])
    VT_SANITIZER_CFLAGS=
    VT_SANITIZER_LDFLAGS=
    AS_IF([test -n "$vt_sanitizers"], [
        VT_SANITIZER_LDFLAGS="-fsanitize=$vt_sanitizers"
        # -fno-sanitize-recover: the first finding ends the program with a status that no test
        # mistakes for success.
        VT_SANITIZER_CFLAGS="$VT_SANITIZER_LDFLAGS -fno-sanitize-recover=all"
        VT_SANITIZER_CFLAGS="$VT_SANITIZER_CFLAGS -fno-omit-frame-pointer"
        AC_MSG_CHECKING([whether $CC links with $VT_SANITIZER_LDFLAGS])
        vt_saved_cflags=$CFLAGS
        CFLAGS="$CFLAGS $VT_SANITIZER_CFLAGS"
        AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])], [
            AC_MSG_RESULT([no])
            AC_MSG_ERROR([the runtime of -fsanitize=$vt_sanitizers is missing (Debian: libgcc-VERSION-dev for gcc, libclang-rt-VERSION-dev for clang)])
        ])
        CFLAGS=$vt_saved_cflags
    ])
    AC_SUBST([VT_SANITIZER_CFLAGS])
    AC_SUBST([VT_SANITIZER_LDFLAGS])
])

# VT_COVERAGE
# --enable-coverage: sets VT_COVERAGE_CFLAGS and VT_COVERAGE_LDFLAGS; `make coverage` runs the tests
# and reports.
AC_DEFUN([VT_COVERAGE], [
    AC_ARG_ENABLE([coverage], [AS_HELP_STRING([--enable-coverage], [build for `make coverage'])],
                  [],
                  [enable_coverage=no])
    AC_CHECK_PROGS([GCOVR], [gcovr])
    AC_CHECK_PROGS([LCOV], [lcov])
    AC_CHECK_PROGS([GENHTML], [genhtml])
    # clang's counters are read by its own gcov, of the same version.
    AC_MSG_CHECKING([for the gcov of $CC])
    vt_gcov=$($CC --print-prog-name=gcov 2>/dev/null)
    AS_IF([$CC --version 2>/dev/null | grep -q clang], [
        vt_gcov=$($CC --print-prog-name=llvm-cov 2>/dev/null)
        vt_gcov="${vt_gcov:-llvm-cov} gcov"
    ])
    AC_ARG_VAR([GCOV], [program that reads the coverage counters of the compiler])
    GCOV=${GCOV:-${vt_gcov:-gcov}}
    AC_MSG_RESULT([$GCOV])
    VT_COVERAGE_CFLAGS=
    VT_COVERAGE_LDFLAGS=
    AS_IF([test "x$enable_coverage" = xyes], [
        # -fprofile-update=atomic: the tests run several processes on one set of counters.
        VT_COVERAGE_CFLAGS="--coverage -O0"
        VT_TRY_FLAG([-fprofile-update=atomic], [VT_COVERAGE_CFLAGS])
        VT_COVERAGE_LDFLAGS=--coverage
    ])
    AC_SUBST([VT_COVERAGE_CFLAGS])
    AC_SUBST([VT_COVERAGE_LDFLAGS])
    AM_CONDITIONAL([WITH_COVERAGE], [test "x$enable_coverage" = xyes])
])
