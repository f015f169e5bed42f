# SPDX-License-Identifier: GPL-3.0-or-later
#
# Whose project this is: the only place where its name, its addresses and its maintainers stand.
# Whoever publishes it fills these in. configure puts them into config.h, the manuals, the packages
# and the units; scripts/release refuses to make a release while they still name example.org,
# which RFC 2606 reserves for examples.

m4_define([VT_PROJECT_VERSION], [0.1.0])
m4_define([VT_PROJECT_URL], [https://example.org/vsock-tools])
m4_define([VT_PROJECT_BUGS], [https://example.org/vsock-tools/issues])
# The years of copyright, as in "Copyright (C) 2025-2026 the vsock-tools authors".
m4_define([VT_PROJECT_YEARS], [2026])
# The maintainers of packages, as Debian, RPM and Alpine want them.
m4_define([VT_PROJECT_MAINTAINER], [vsock-tools maintainers])
m4_define([VT_PROJECT_EMAIL], [vsock-tools@example.org])

# VT_INSTALLED_NAME(PROGRAM, VARIABLE)
# Defines VARIABLE to the name under which --program-prefix and its kin install the program.
AC_DEFUN([VT_INSTALLED_NAME], [
    vt_transform=$(AS_ECHO(["$program_transform_name"]) | sed 's/[[$]][[$]]/$/g')
    vt_installed=$(echo $1 | sed "$vt_transform")
    AC_DEFINE_UNQUOTED([$2], ["$vt_installed"], [The installed name of $1.])
])

# VT_PROJECT
# What config.h and AC_INIT do not have already.
AC_DEFUN([VT_PROJECT], [
    AC_SUBST([VT_MAINTAINER], ['VT_PROJECT_MAINTAINER'])
    AC_SUBST([VT_YEARS], ['VT_PROJECT_YEARS'])
    AC_DEFINE_UNQUOTED([COPYRIGHT_YEARS], ["$VT_YEARS"], [The years of copyright.])
    AC_SUBST([VT_EMAIL], ['VT_PROJECT_EMAIL'])
    VT_INSTALLED_NAME([vsock-cat], [INSTALLED_VSOCK_CAT])
    VT_INSTALLED_NAME([vsock-info], [INSTALLED_VSOCK_INFO])
    VT_INSTALLED_NAME([vsock-listen], [INSTALLED_VSOCK_LISTEN])
    VT_INSTALLED_NAME([vsock-ping], [INSTALLED_VSOCK_PING])
    VT_INSTALLED_NAME([vsock-proxy], [INSTALLED_VSOCK_PROXY])
    VT_INSTALLED_NAME([vsock-run], [INSTALLED_VSOCK_RUN])
])
