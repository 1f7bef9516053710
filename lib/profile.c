// SPDX-License-Identifier: GPL-2.0-or-later
#include "profile.h"

#include <string.h>

/*
 * exchange-rpc asks for the whole dynamic range because a client array may mix releases; the UDP
 * half serves clients that expect datagrams from the address they talk to. A connection to port 135
 * proves the endpoint mapper only, not the mailbox service behind it: hapair.conf(5) says so.
 */
static const struct profile table[] = {
	{.name = "exchange-rpc",
	 .summary = "Exchange 2010 client access: Outlook's RPC with dynamic ports",
	 .ports = "tcp/135 tcp/6005-65535 udp/6005-65535",
	 .check = CONF_CHECK_TCP,
	 .check_port = 135},
	{.name = "exchange-rpc-static",
	 .summary = "the same with the static ports 59531 and 59532 set on every server",
	 .ports = "tcp/135 tcp/59531-59532",
	 .check = CONF_CHECK_TCP,
	 .check_port = 59531},
	{.name = "exchange-https",
	 .summary = "Exchange over HTTPS: Outlook, web access, ActiveSync, web services",
	 .ports = "tcp/443 tcp/80",
	 .check = CONF_CHECK_TCP,
	 .check_port = 443},
	{.name = "exchange-smtp",
	 .summary = "mail transport and submission",
	 .ports = "tcp/25 tcp/587",
	 .check = CONF_CHECK_TCP,
	 .check_port = 25},
	{.name = "exchange-imap",
	 .summary = "IMAP, with and without TLS from the start",
	 .ports = "tcp/143 tcp/993",
	 .check = CONF_CHECK_TCP,
	 .check_port = 143},
	{.name = "exchange-pop",
	 .summary = "POP3, with and without TLS from the start",
	 .ports = "tcp/110 tcp/995",
	 .check = CONF_CHECK_TCP,
	 .check_port = 110},
	{.name = "dcerpc",
	 .summary = "any Windows RPC service with dynamic ports",
	 .ports = "tcp/135 tcp/49152-65535",
	 .check = CONF_CHECK_TCP,
	 .check_port = 135},
	{.name = "print-server",
	 .summary = "Windows print server",
	 .ports = "tcp/445 tcp/135 tcp/49152-65535",
	 .check = CONF_CHECK_TCP,
	 .check_port = 445},
	{.name = "smb",
	 .summary = "file servers with equal content",
	 .ports = "tcp/445",
	 .check = CONF_CHECK_TCP,
	 .check_port = 445},
	{.name = "ad-ldap",
	 .summary = "directory queries of applications (not of domain members)",
	 .ports = "tcp/389 tcp/636 tcp/3268-3269 udp/389",
	 .check = CONF_CHECK_TCP,
	 .check_port = 389},
	{.name = "wsus",
	 .summary = "Windows update servers",
	 .ports = "tcp/8530-8531",
	 .check = CONF_CHECK_TCP,
	 .check_port = 8530},
	{.name = "rds-host",
	 .summary = "remote desktop session hosts, TCP and UDP together",
	 .ports = "tcp/3389 udp/3389",
	 .check = CONF_CHECK_TCP,
	 .check_port = 3389},
	{.name = "rds-gateway",
	 .summary = "remote desktop gateway, TCP and UDP together",
	 .ports = "tcp/443 udp/3391",
	 .check = CONF_CHECK_TCP,
	 .check_port = 443},
	{.name = "adfs",
	 .summary = "federation servers",
	 .ports = "tcp/443 tcp/49443 tcp/80",
	 .check = CONF_CHECK_TCP,
	 .check_port = 80},
	{.name = "radius",
	 .summary = "RADIUS authentication and accounting; servers are not checked",
	 .ports = "udp/1812-1813",
	 .check = CONF_CHECK_NONE},
	{.name = "dns",
	 .summary = "name servers",
	 .ports = "udp/53 tcp/53",
	 .check = CONF_CHECK_TCP,
	 .check_port = 53},
	{.name = "http",
	 .summary = "web servers without TLS",
	 .ports = "tcp/80",
	 .check = CONF_CHECK_TCP,
	 .check_port = 80},
	{.name = "https",
	 .summary = "web servers with TLS",
	 .ports = "tcp/443",
	 .check = CONF_CHECK_TCP,
	 .check_port = 443},
};

const struct profile *profile_table(size_t *n)
{
	*n = sizeof(table) / sizeof(table[0]);
	return table;
}

const struct profile *profile_find(const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}
