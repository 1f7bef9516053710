/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Named service profiles: what an administrator means by "exchange-rpc", so that the file says one
 * word instead of ten. Values come from facts about the services; every one can be overridden.
 */
#ifndef HA_PROFILE_H
#define HA_PROFILE_H

#include "conf.h"

struct profile {
	const char *name;
	const char *summary; /**< one line for people */
	const char *ports;   /**< "tcp/135 tcp/6005-65535 ...", as the `ports` key takes it */
	enum conf_check_type check;
	uint16_t check_port; /**< 0: first TCP port */
};

/** NULL when there is none of that name. */
const struct profile *profile_find(const char *name);
/** The whole table for listings; *n receives its length. */
const struct profile *profile_table(size_t *n);

#endif
