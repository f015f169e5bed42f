# SPDX-License-Identifier: GPL-3.0-or-later
# One file a shell, for all programs. bash and fish look for a file with the name of the program, so
# they get links. The names are those under which the programs are installed: see scripts/rename.
EXTRA_DIST += completions/vsock-tools.bash completions/vsock-tools.fish completions/_vsock-tools

completed_programs = vsock-cat vsock-info vsock-listen vsock-ping vsock-proxy vsock-run
installed_tools = $(shell echo vsock-tools | sed '$(transform)')
installed_programs = $(shell printf '%s\n' $(completed_programs) | sed '$(transform)')

install_parts += install-completions
install-completions:
if WITH_BASH_COMPLETION
	$(MKDIR_P) '$(DESTDIR)$(bashcompletiondir)'
	$(srcdir)/scripts/rename '$(transform)' <$(srcdir)/completions/vsock-tools.bash \
		>vsock-tools.tmp
	$(INSTALL_DATA) vsock-tools.tmp '$(DESTDIR)$(bashcompletiondir)/$(installed_tools)'
	for program in $(installed_programs); do \
		(cd '$(DESTDIR)$(bashcompletiondir)' && rm -f $$program && \
			$(LN_S) $(installed_tools) $$program) || exit 1; \
	done
endif
if WITH_ZSH_COMPLETION
	$(MKDIR_P) '$(DESTDIR)$(zshcompletiondir)'
	$(srcdir)/scripts/rename '$(transform)' <$(srcdir)/completions/_vsock-tools >vsock-tools.tmp
	$(INSTALL_DATA) vsock-tools.tmp '$(DESTDIR)$(zshcompletiondir)/_$(installed_tools)'
endif
if WITH_FISH_COMPLETION
	$(MKDIR_P) '$(DESTDIR)$(fishcompletiondir)'
	$(srcdir)/scripts/rename '$(transform)' <$(srcdir)/completions/vsock-tools.fish \
		>vsock-tools.tmp
	$(INSTALL_DATA) vsock-tools.tmp '$(DESTDIR)$(fishcompletiondir)/$(installed_tools).fish'
	for program in $(installed_programs); do \
		(cd '$(DESTDIR)$(fishcompletiondir)' && rm -f $$program.fish && \
			$(LN_S) $(installed_tools).fish $$program.fish) || exit 1; \
	done
endif
	rm -f vsock-tools.tmp

uninstall_parts += uninstall-completions
uninstall-completions:
if WITH_BASH_COMPLETION
	for name in $(installed_tools) $(installed_programs); do \
		rm -f "$(DESTDIR)$(bashcompletiondir)/$$name"; \
	done
endif
if WITH_ZSH_COMPLETION
	rm -f '$(DESTDIR)$(zshcompletiondir)/_$(installed_tools)'
endif
if WITH_FISH_COMPLETION
	for name in $(installed_tools) $(installed_programs); do \
		rm -f "$(DESTDIR)$(fishcompletiondir)/$$name.fish"; \
	done
endif
.PHONY: install-completions uninstall-completions
