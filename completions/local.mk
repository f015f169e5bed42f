# SPDX-License-Identifier: GPL-3.0-or-later
# One file a shell, for all programs. bash and fish look for a file with the name of the program, so they get links.
EXTRA_DIST += completions/vsock-tools.bash completions/vsock-tools.fish completions/_vsock-tools

completed_programs = vsock-cat vsock-info vsock-listen vsock-ping vsock-proxy

install-data-local:
if WITH_BASH_COMPLETION
	$(MKDIR_P) '$(DESTDIR)$(bashcompletiondir)'
	$(INSTALL_DATA) $(srcdir)/completions/vsock-tools.bash '$(DESTDIR)$(bashcompletiondir)/vsock-tools'
	for program in $(completed_programs); do \
		(cd '$(DESTDIR)$(bashcompletiondir)' && rm -f $$program && $(LN_S) vsock-tools $$program) || exit 1; \
	done
endif
if WITH_ZSH_COMPLETION
	$(MKDIR_P) '$(DESTDIR)$(zshcompletiondir)'
	$(INSTALL_DATA) $(srcdir)/completions/_vsock-tools '$(DESTDIR)$(zshcompletiondir)/_vsock-tools'
endif
if WITH_FISH_COMPLETION
	$(MKDIR_P) '$(DESTDIR)$(fishcompletiondir)'
	$(INSTALL_DATA) $(srcdir)/completions/vsock-tools.fish '$(DESTDIR)$(fishcompletiondir)/vsock-tools.fish'
	for program in $(completed_programs); do \
		(cd '$(DESTDIR)$(fishcompletiondir)' && rm -f $$program.fish && $(LN_S) vsock-tools.fish $$program.fish) || exit 1; \
	done
endif

uninstall-local:
if WITH_BASH_COMPLETION
	for name in vsock-tools $(completed_programs); do rm -f "$(DESTDIR)$(bashcompletiondir)/$$name"; done
endif
if WITH_ZSH_COMPLETION
	rm -f '$(DESTDIR)$(zshcompletiondir)/_vsock-tools'
endif
if WITH_FISH_COMPLETION
	for name in vsock-tools $(completed_programs); do rm -f "$(DESTDIR)$(fishcompletiondir)/$$name.fish"; done
endif
