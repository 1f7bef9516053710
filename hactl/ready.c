// SPDX-License-Identifier: GPL-2.0-or-later
#include "ready.h"

#include "jget.h"

#include <string.h>

static bool refuse(struct refusal *why, const char *text, const char *remedy)
{
	why->code = CTL_REFUSED;
	strlcpy(why->text, text, sizeof(why->text));
	strlcpy(why->remedy, remedy, sizeof(why->remedy));
	return false;
}

static bool is_link_well(const struct snapshot *s, struct refusal *why)
{
	const json_t *peer = json_object_get(s->lbd, "peer");
	const char *name = snapshot_peer(s);
	const char *error = jget_str(peer, "last_error");
	char text[sizeof(why->text)];
	char remedy[sizeof(why->remedy)];
	char age[32];

	if (!s->lbd)
		return refuse(
			why,
			"lbd does not answer on this node: nobody can tell whether the peer "
			"holds the connections",
			"systemctl start lbd, or accept the loss of connections with --force");
	if (!jget_bool(peer, "configured", false))
		return refuse(why, "the configuration has only one node",
			      "add the second [node] section");
	if (!jget_bool(peer, "connected", false)) {
		verdict_print_age(jget_int(peer, "since_ms", -1), age, sizeof(age));
		snprintf(text, sizeof(text), "%.32s is missing for %s%s%.200s", name, age,
			 *error ? ": " : "", error);
		snprintf(remedy, sizeof(remedy),
			 "run `hactl status` on %.32s and look at the network between the nodes",
			 name);
		return refuse(why, text, remedy);
	}
	if (!jget_bool(peer, "config_equal", true)) {
		snprintf(text, sizeof(text), "the configuration of %.32s differs from ours", name);
		snprintf(remedy, sizeof(remedy),
			 "copy the file to %.32s and run systemctl reload vrrpd lbd on both", name);
		return refuse(why, text, remedy);
	}
	return true;
}

static bool is_standby_well(const struct snapshot *s, const json_t *groups, struct refusal *why)
{
	const json_t *peer = json_object_get(s->lbd, "peer");
	const char *name = snapshot_peer(s);
	char text[sizeof(why->text)];
	char remedy[sizeof(why->remedy)];
	size_t i;
	const json_t *group;

	snprintf(remedy, sizeof(remedy), "run `hactl status` on %.32s: it names the fault", name);
	if (!jget_bool(peer, "vrrpd", true)) {
		snprintf(text, sizeof(text), "vrrpd is down on %.32s: it cannot take over", name);
		return refuse(why, text, remedy);
	}
	json_array_foreach (groups, i, group) {
		const char *state = snapshot_peer_state(s, json_string_value(group));
		if (!*state || strcmp(state, "Backup") == 0)
			continue;
		snprintf(text, sizeof(text),
			 "%.32s is not ready for group %.32s: it is in state %.32s", name,
			 json_string_value(group), state);
		return refuse(why, text, remedy);
	}
	return true;
}

static bool is_in_sync(const struct snapshot *s, struct refusal *why)
{
	const char *state = jget_str(json_object_get(s->lbd, "sync"), "state");
	char text[sizeof(why->text)];

	if (strcmp(state, "synced") == 0)
		return true;
	if (strcmp(state, "catching_up") == 0)
		snprintf(text, sizeof(text),
			 "%.32s does not hold every connection yet: it is catching up",
			 snapshot_peer(s));
	else
		snprintf(text, sizeof(text), "connections are not kept in sync with %.32s",
			 snapshot_peer(s));
	return refuse(why, text, "wait and try again, or run with --wait");
}

bool ready_for_handover(const struct snapshot *s, const json_t *groups, struct refusal *why)
{
	*why = (struct refusal){0};
	return is_link_well(s, why) && is_standby_well(s, groups, why) && is_in_sync(s, why);
}
