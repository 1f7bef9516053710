// SPDX-License-Identifier: GPL-2.0-or-later
/* links: hactl/drill/layout hactl/drill/home lib/addr lib/conf lib/conf_build lib/conf_check */
/* links: lib/conf_lists lib/conf_print lib/conf_read lib/conf_report lib/conf_set lib/conf_value */
/* links: lib/mono lib/nearest lib/profile lib/schema hactl/drill/owner */
/*
 * The laboratory on paper, laid out from the shipped example and from configurations that cannot be
 * drilled. And the built-in configuration, which must mean the same as the shipped one.
 */
#include "hactl/drill/home.h"
#include "hactl/drill/layout.h"

#include <criterion/criterion.h>
#include <string.h>

static struct conf *parse(const char *text)
{
	struct conf_error *errors = NULL;
	struct conf *conf =
		conf_parse("test", text, strlen(text), NULL, CONF_SELF_OPTIONAL, &errors);

	if (!conf)
		conf_errors_print(stderr, "test", errors);
	conf_errors_free(errors);
	cr_assert_not_null(conf);
	return conf;
}

static struct conf *example(void)
{
	struct conf_error *errors = NULL;
	struct conf *conf = conf_load("etc/hapair.conf", NULL, CONF_SELF_OPTIONAL, &errors);

	conf_errors_free(errors);
	cr_assert_not_null(conf);
	return conf;
}

Test(drill_layout, shipped_example_gets_two_lans_three_servers_and_64_clients)
{
	struct conf *conf = example();
	struct layout l;
	char why[200];

	cr_assert(layout_build(conf, &l, why, sizeof(why)), "%s", why);
	cr_assert_eq(l.n_lans, 2);
	cr_assert_eq(l.n_nets, 2);
	cr_assert_eq(l.n_servers, 3);
	cr_assert_eq(l.n_clients, LAYOUT_CLIENTS_MAX);
	cr_assert(l.pair_cable);
	cr_assert_eq(l.front, 0xc000020a);
	cr_assert_str_eq(l.lan[l.net[l.front_net].lan].interface, "eth0");
	conf_free(conf);
}

Test(drill_layout, no_address_is_given_twice)
{
	struct conf *conf = example();
	struct layout l;
	char why[200];
	uint32_t all[LAYOUT_CLIENTS_MAX + 16];
	size_t n = 0;

	cr_assert(layout_build(conf, &l, why, sizeof(why)), "%s", why);
	for (size_t i = 0; i < l.n_clients; i++)
		all[n++] = l.client[i];
	for (size_t i = 0; i < l.n_servers; i++)
		all[n++] = l.server[i].address;
	for (size_t i = 0; i < l.n_nets; i++) {
		all[n++] = l.net[i].vip;
		all[n++] = l.net[i].gateway[0];
		all[n++] = l.net[i].gateway[1];
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			cr_expect_neq(all[i], all[j]);
	conf_free(conf);
}

Test(drill_layout, every_server_has_a_port_of_its_own_inside_the_range)
{
	struct conf *conf = example();
	struct layout l;
	char why[200];

	cr_assert(layout_build(conf, &l, why, sizeof(why)), "%s", why);
	for (size_t i = 0; i < l.n_servers; i++) {
		cr_expect_geq(l.server[i].port, 6005);
		for (size_t j = 0; j < i; j++)
			cr_expect_neq(l.server[i].port, l.server[j].port);
	}
	conf_free(conf);
}

#define NODES                                                                                      \
	"[pair]\nkey_file = /k\n[node a]\npair_address = 192.168.99.1\npriority = 200\n"           \
	"[node b]\npair_address = 192.168.99.2\npriority = 100\n"
#define FRONT "[vip front]\ninterface = eth0\nvrid = 51\naddress = 192.0.2.10/24\n"
#define BACK  "[vip back]\ninterface = eth1\nvrid = 52\naddress = 10.1.0.1/24\n"

Test(drill_layout, what_cannot_be_drilled_is_refused_with_the_reason)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{NODES FRONT BACK "[pool p]\nserver = s 10.1.0.11\n"
				  "[service web]\nvip = front\npool = p\nports = tcp/443\n",
		 "exchange-rpc"},
		{NODES FRONT BACK "[pool p]\nserver = s 10.9.0.11\n"
				  "[service m]\nvip = front\npool = p\nprofile = exchange-rpc\n",
		 "no VIP's network"},
		{NODES FRONT BACK "[pool p]\nserver = s 192.0.2.99\n"
				  "[service m]\nvip = front\npool = p\nprofile = exchange-rpc\n",
		 "clients' network"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf *conf = parse(cases[i].text);
		struct layout l;
		char why[200] = "";

		cr_expect_not(layout_build(conf, &l, why, sizeof(why)));
		cr_expect_not_null(strstr(why, cases[i].why), "%s", why);
		conf_free(conf);
	}
}

Test(drill_layout, two_pools_may_have_the_same_servers)
{
	struct conf *conf = parse(NODES FRONT BACK
				  "[pool p]\nserver = s 10.1.0.11\n t 10.1.0.12\n"
				  "[pool q]\nserver = s 10.1.0.11\n t 10.1.0.12\n"
				  "[service w]\nvip = front\npool = p\nports = tcp/443\n"
				  "[service m]\nvip = front\npool = q\nprofile = exchange-rpc\n");
	struct layout l;
	char why[200] = "";

	cr_assert(layout_build(conf, &l, why, sizeof(why)), "%s", why);
	cr_assert_eq(l.n_servers, 2);
	cr_assert_eq(layout_server_of_port(&l, l.server[1].port), 2);
	cr_assert_eq(layout_server_of_port(&l, 1), 0);
	conf_free(conf);
}

Test(drill_layout, names_of_nodes_and_interfaces_are_not_taken)
{
	struct conf *conf = parse(
		"[pair]\nkey_file = /k\n[node switch]\npair_address = 192.168.99.1\npriority = 200\n"
		"[node clients]\npair_address = 192.168.99.2\npriority = 100\n"
		"[vip front]\ninterface = pair0\nvrid = 51\naddress = 192.0.2.10/24\n" BACK
		"[pool p]\nserver = s 10.1.0.11\n"
		"[service m]\nvip = front\npool = p\nprofile = exchange-rpc\n");
	struct layout l;
	char why[200] = "";

	cr_assert(layout_build(conf, &l, why, sizeof(why)), "%s", why);
	cr_assert_str_eq(l.pair_interface, "pair1");
	cr_assert_str_eq(l.switch_role, "switch_");
	cr_assert_str_eq(l.client_role, "clients_");
	cr_assert_eq(l.n_vips, 2);
	conf_free(conf);
}

Test(drill_layout, pair_link_over_a_lan_needs_no_cable_of_its_own)
{
	struct conf *conf =
		parse("[pair]\nkey_file = /k\n[node a]\npair_address = 10.1.0.2\npriority = 200\n"
		      "[node b]\npair_address = 10.1.0.3\npriority = 100\n" FRONT BACK
		      "[pool p]\nserver = s 10.1.0.11\n"
		      "[service m]\nvip = front\npool = p\nprofile = exchange-rpc\n");
	struct layout l;
	char why[200];

	cr_assert(layout_build(conf, &l, why, sizeof(why)), "%s", why);
	cr_assert_not(l.pair_cable);
	cr_assert_eq(l.net[1].gateway[0], 0x0a010002);
	cr_assert_eq(l.net[1].gateway[1], 0x0a010003);
	conf_free(conf);
}

Test(drill_layout, built_in_configuration_equals_the_shipped_one)
{
	bool builtin;
	struct conf *conf = example();
	struct conf *own = home_load_conf("/nonexistent/hapair.conf", &builtin);

	cr_assert(builtin);
	cr_assert_not_null(own);
	cr_assert_eq(own->hash, conf->hash);
	conf_free(own);
	conf_free(conf);
}
