// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/host_check lib/conf lib/conf_read lib/conf_build lib/conf_set lib/conf_lists */
/* links: lib/conf_value lib/conf_report lib/conf_check lib/conf_print lib/schema lib/nearest */
/* links: lib/profile lib/addr lib/mono */
/* A configuration of two nodes against hosts that fit it and hosts that do not. */
#include "host_check.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "[node gw1]\n"                  /* 1 */
			   "pair_address = 192.168.99.1\n" /* 2 */
			   "priority = 200\n"              /* 3 */
			   "[node gw2]\n"                  /* 4 */
			   "pair_address = 192.168.99.2\n" /* 5 */
			   "[group all]\n"                 /* 6 */
			   "track = eth2\n"                /* 7 */
			   "[vip front]\n"                 /* 8 */
			   "interface = eth0\n"            /* 9 */
			   "vrid = 51\n"                   /* 10 */
			   "address = 192.0.2.10/24\n"     /* 11 */
			   "          192.0.2.11/24\n"     /* 12 */
			   "          203.0.113.5/32\n"    /* 13 */
			   "group = all\n"                 /* 14 */
			   "[vip back]\n"                  /* 15 */
			   "interface = eth1\n"            /* 16 */
			   "vrid = 52\n"                   /* 17 */
			   "address = 10.1.0.1/24\n"       /* 18 */
			   "group = all\n";

/** Interfaces and "interface address" words, each list ended by NULL. */
struct host_case {
	const char *node;
	const char *interfaces[5];
	const char *addresses[6][2];
	const char *said; /* "LINE TEXT\n" for each finding */
};

static const struct host_case cases[] = {
	/* what fits, vrrpd's own devices and their addresses not among it */
	{"gw1",
	 {"eth0", "eth1", "eth2"},
	 {{"eth0", "192.0.2.1/24"}, {"eth1", "10.1.0.2/24"}, {"eth2", "192.168.99.1/30"}},
	 ""},
	{"gw2",
	 {"eth0", "eth1", "eth2"},
	 {{"eth0", "192.0.2.2/24"}, {"eth1", "10.1.0.3/24"}, {"eth2", "192.168.99.2/30"}},
	 ""},
	/* not known which node this is: nothing to compare */
	{"gw3", {"wlan0"}, {{"lo", "127.0.0.1/8"}}, ""},
	{"gw1",
	 {"eth0", "ens192"},
	 {{"eth0", "192.0.2.1/24"}, {"ens192", "192.168.99.1/30"}},
	 "7 interface eth2 does not exist on this host; it has eth0, ens192\n"
	 "16 interface eth1 does not exist on this host; it has eth0, ens192\n"},
	{"gw1",
	 {NULL},
	 {{"lo", "192.168.99.1/32"}},
	 "7 interface eth2 does not exist on this host; it has none besides lo\n"
	 "9 interface eth0 does not exist on this host; it has none besides lo\n"
	 "16 interface eth1 does not exist on this host; it has none besides lo\n"},
	{"gw1",
	 {"eth0", "eth1", "eth2"},
	 {{"eth0", "192.0.2.1/24"}, {"eth1", "10.1.0.2/24"}, {"eth2", "192.168.99.9/30"}},
	 "2 pair_address 192.168.99.1 is not an address of this host; give the one that node gw1 "
	 "has on the link between the nodes\n"},
	{"gw2",
	 {"eth0", "eth1", "eth2"},
	 {{"eth0", "192.0.2.1/24"}, {"eth1", "10.1.0.2/24"}, {"eth2", "192.168.99.1/30"}},
	 "5 pair_address 192.168.99.2 of node gw2 is not an address of this host, but that of "
	 "node gw1 is; exchange the two\n"},
	{"gw1",
	 {"eth0", "eth1", "eth2"},
	 {{"eth0", "192.0.2.11/24"},
	  {"eth1", "10.1.0.2/24"},
	  {"eth2", "192.168.99.1/30"},
	  {"lo", "10.1.0.1/32"}},
	 "12 192.0.2.11/24 is on eth0 of this host already; a virtual address belongs to no host, "
	 "remove it there or choose another\n"
	 "18 10.1.0.1/24 is on lo of this host already; a virtual address belongs to no host, "
	 "remove it there or choose another\n"},
	/* the two LANs exchanged; the /32 stands for itself and has no network to be in */
	{"gw1",
	 {"eth0", "eth1", "eth2"},
	 {{"eth1", "192.0.2.1/24"}, {"eth0", "10.1.0.2/24"}, {"eth2", "192.168.99.1/30"}},
	 "11 this host has no address in the network of 192.0.2.10/24 on eth0; its address there "
	 "is 10.1.0.2/24, is it the right interface?\n"
	 "12 this host has no address in the network of 192.0.2.11/24 on eth0; its address there "
	 "is 10.1.0.2/24, is it the right interface?\n"
	 "18 this host has no address in the network of 10.1.0.1/24 on eth1; its address there is "
	 "192.0.2.1/24, is it the right interface?\n"},
	/* one of several suffices, IPv6 does not */
	{"gw1",
	 {"eth0", "eth1", "eth2"},
	 {{"eth0", "198.51.100.1/24"},
	  {"eth0", "192.0.2.200/28"},
	  {"eth1", "fe80::1/64"},
	  {"eth2", "192.168.99.1/30"}},
	 "16 interface eth1 has no IPv4 address; each node needs one of its own there to speak "
	 "VRRP\n"},
};

static char *describe(const struct host_case *c)
{
	struct conf_error *errors;
	struct conf *conf =
		conf_parse("x", text, strlen(text), c->node, CONF_SELF_OPTIONAL, &errors);
	char interfaces[5][CONF_IFNAME_MAX] = {""};
	struct host_address addresses[6];
	struct host_view host = {.interfaces = interfaces, .addresses = addresses};
	char *said;
	size_t len;
	FILE *out = open_memstream(&said, &len);

	cr_assert_not_null(conf);
	conf_errors_free(errors);
	for (; c->interfaces[host.n_interfaces]; host.n_interfaces++)
		strcpy(interfaces[host.n_interfaces], c->interfaces[host.n_interfaces]);
	for (; c->addresses[host.n_addresses][0]; host.n_addresses++) {
		struct host_address *a = &addresses[host.n_addresses];

		strcpy(a->interface, c->addresses[host.n_addresses][0]);
		cr_assert(prefix_parse(c->addresses[host.n_addresses][1], &a->prefix));
	}
	errors = host_check_view(conf, &host);
	for (const struct conf_error *e = errors; e; e = e->next) {
		cr_expect(e->warning);
		fprintf(out, "%d %s\n", e->line, e->text);
	}
	fclose(out);
	conf_errors_free(errors);
	conf_free(conf);
	return said;
}

Test(host_check, what_the_host_does_not_have_is_a_warning_with_its_line)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *said = describe(&cases[i]);

		cr_expect_str_eq(said, cases[i].said, "case %zu:\n%s", i, said);
		free(said);
	}
}

Test(host_check, a_long_list_of_interfaces_is_cut_between_two_names)
{
	static char many[400][CONF_IFNAME_MAX];
	static struct host_address none[1];
	const struct host_view host = {.interfaces = many, .n_interfaces = 400, .addresses = none};
	struct conf_error *errors;
	struct conf *conf = conf_parse("x", text, strlen(text), "gw1", CONF_SELF_REQUIRED, &errors);

	cr_assert_not_null(conf);
	conf_errors_free(errors);
	for (unsigned i = 0; i < 400; i++)
		snprintf(many[i], CONF_IFNAME_MAX, "interface-%05u", i % 1000);
	errors = host_check_view(conf, &host);
	cr_assert_not_null(errors);

	const struct conf_error *last = errors;

	while (last->next)
		last = last->next;
	cr_expect(strstr(last->text, "it has interface-00000, interface-00001, "), "%s",
		  last->text);
	cr_expect_str_eq(last->text + strlen(last->text) - strlen(", ..."), ", ...");
	cr_expect_lt(strlen(last->text), sizeof(last->text) - 1);
	conf_errors_free(errors);
	conf_free(conf);
}

Test(host_check, this_host_is_looked_at_and_lacks_an_interface_of_no_such_name)
{
	static const char one[] = "[node a]\n[vip v]\ninterface = none-such-0\nvrid = 1\n"
				  "address = 192.0.2.10/24\n";
	char expected[256];
	struct conf_error *errors;
	struct conf *conf = conf_parse("x", one, strlen(one), "a", CONF_SELF_REQUIRED, &errors);

	cr_assert_not_null(conf);
	conf_errors_free(errors);
	errors = host_check(conf);
	cr_assert_not_null(errors);
	cr_expect_eq(errors->line, 3);
	cr_expect_str_eq(errors->text,
			 host_check_missing("none-such-0", expected, sizeof(expected)));
	cr_expect(strstr(errors->text, "interface none-such-0 does not exist on this host; it "
				       "has "),
		  "%s", errors->text);
	conf_errors_free(errors);
	conf_free(conf);
}

Test(host_check, a_device_of_vrrpd_is_known_by_its_name)
{
	static const struct {
		const char *name;
		bool is_ours;
	} names[] = {{"vr51.eth0", true}, {"vr1.7", true}, {"vrf0", false},
		     {"vr.eth0", false},  {"vr51", false}, {"eth0.51", false},
		     {"vr5x.eth0", false}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_expect_eq(host_check_is_ours(names[i].name), names[i].is_ours, "%s",
			     names[i].name);
}
