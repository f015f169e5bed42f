# SPDX-License-Identifier: GPL-3.0-or-later
#
# Where the shells look for completions. The default is what the shell's own .pc file says, moved
# under our prefix, so that `make install` with a prefix of one's own never writes elsewhere
# (distcheck holds that).

# VT_COMPLETION_DIR(SHELL, OPTION, VARIABLE, DEFAULT, [PC-PACKAGE, PC-VARIABLE])
AC_DEFUN([VT_COMPLETION_DIR], [
    AC_ARG_WITH([$2], [AS_HELP_STRING([--with-$2=DIR|no], [where the completions of $1 go])], [],
                [with_[]m4_translit([$2], [-], [_])=auto])
    $3=$with_[]m4_translit([$2], [-], [_])
    AS_CASE([$$3],
        [auto|yes], [
            $3=
            m4_ifval([$5],
                     [$3=$($PKG_CONFIG --define-variable=prefix='${prefix}' \
                           --define-variable=datadir='${datadir}' --variable=$6 $5 2>/dev/null)
            # A .pc file that names its directory outright would take us out of our prefix.
            AS_CASE([$$3], ['${prefix}'*|'${datadir}'*], [], [$3=])])
            AS_IF([test -z "$$3"], [$3='$4'])
        ])
    AC_SUBST([$3])
    AM_CONDITIONAL(m4_translit([WITH_$1_COMPLETION], [a-z], [A-Z]), [test "x$$3" != xno])
])

# VT_COMPLETIONS
# Sets bashcompletiondir, zshcompletiondir and fishcompletiondir.
AC_DEFUN([VT_COMPLETIONS], [
    VT_COMPLETION_DIR([bash], [bash-completion-dir], [bashcompletiondir],
                      [${datadir}/bash-completion/completions],
                      [bash-completion], [completionsdir])
    VT_COMPLETION_DIR([zsh], [zsh-completion-dir], [zshcompletiondir],
                      [${datadir}/zsh/site-functions])
    VT_COMPLETION_DIR([fish], [fish-completion-dir], [fishcompletiondir],
                      [${datadir}/fish/vendor_completions.d],
                      [fish], [completionsdir])
])
