/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "addr-rig.h"

static struct hosts hosts;

int read_hosts(void **state)
{
	static const char text[] = "3 web\n/run/fc/db.vsock db\n";
	struct mistake error;

	(void)state;
	return hosts_read(&hosts, "hosts", text, sizeof(text) - 1, &error);
}

int free_hosts(void **state)
{
	(void)state;
	hosts_free(&hosts);
	return 0;
}

/* What each program passes to addr_parse(); the names are those of bad-addresses.tsv. */
static const struct {
	const char *name;
	struct addr_context context;
} places[] = {
	{ "cat", { ADDR_CONNECT, ADDR_SHORT, "vsock-cat", &hosts } },
	{ "listen", { ADDR_LISTEN, ADDR_SHORT, "vsock-listen", &hosts } },
	{ "proxy-listen", { ADDR_LISTEN, ADDR_RANGE | ADDR_DATAGRAMS, "vsock-proxy", &hosts } },
	{ "proxy-connect", { ADDR_CONNECT, ADDR_RANGE | ADDR_DATAGRAMS, "vsock-proxy", &hosts } },
	{ "ping", { ADDR_CONNECT, ADDR_SHORT | ADDR_PORT_OPTIONAL, "vsock-ping", &hosts } },
};

const struct addr_context *find_place(const char *name)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (strcmp(places[i].name, name) == 0)
			return &places[i].context;
	fail_msg("no place is called %s", name);
	return NULL;
}
