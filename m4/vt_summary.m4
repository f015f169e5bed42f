# SPDX-License-Identifier: GPL-3.0-or-later

# VT_SUMMARY
# What was found, and what that leaves out.
AC_DEFUN([VT_SUMMARY], [
    AS_IF([test "x$have_cmocka" = xyes], [vt_unit=yes], [vt_unit="no (cmocka is missing)"])
    AS_IF([test -n "$BATS"], [vt_bats=yes], [vt_bats="no (bats is missing)"])
    AS_IF([test "x$have_readline" = xyes], [vt_edit=yes], [vt_edit="no"])
    AS_IF([test "x$have_seccomp" = xyes], [vt_seccomp=yes], [vt_seccomp="no"])
    AS_ECHO(["
$PACKAGE_STRING
    prefix            $prefix
    compiler          $CC $CFLAGS
    warnings fatal    $enable_werror
    hardening         $enable_hardening
    static            $enable_static
    assertions        $enable_checks
    sanitizers        ${vt_sanitizers:-none}
    coverage          $enable_coverage
    readline          $vt_edit
    seccomp           $vt_seccomp
    unit tests        $vt_unit
    tests by bats     $vt_bats
    completions       bash: $bashcompletiondir
                      zsh:  $zshcompletiondir
                      fish: $fishcompletiondir
    systemd units     $systemdsystemunitdir
"])
])
