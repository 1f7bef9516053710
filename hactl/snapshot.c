// SPDX-License-Identifier: GPL-2.0-or-later
#include "snapshot.h"

#include "jget.h"

#include <string.h>

/* Where the rows of each code go: "" is none of our business (a newer daemon). */
static const char *member_of(int code)
{
	switch (code) {
	case CTL_ROW_DAEMON:
		return "daemon";
	case CTL_ROW_GROUP:
		return "groups";
	case CTL_ROW_VIP:
		return "vips";
	case CTL_ROW_PEER:
		return "peer";
	case CTL_ROW_SYNC:
		return "sync";
	case CTL_ROW_POOL:
		return "pools";
	case CTL_ROW_SERVER:
		return "servers";
	case CTL_ROW_SERVICE:
		return "services";
	}
	return "";
}

json_t *snapshot_new_vrrpd(void)
{
	return json_pack("{s:{}, s:[], s:[]}", "daemon", "groups", "vips");
}

json_t *snapshot_new_lbd(void)
{
	return json_pack("{s:{}, s:{}, s:{}, s:[], s:[], s:[]}", "daemon", "peer", "sync", "pools",
			 "servers", "services");
}

void snapshot_add(json_t *daemon, const struct ctl_reply *row)
{
	const char *const envelope[] = {"v", "id", "code", "end"};
	json_t *member = json_object_get(daemon, member_of(row->code));
	json_t *body = json_deep_copy(row->body);

	for (size_t i = 0; i < sizeof(envelope) / sizeof(envelope[0]); i++)
		(void)json_object_del(body, envelope[i]);
	if (json_is_array(member))
		(void)json_array_append(member, body);
	else if (json_is_object(member))
		(void)json_object_update(member, body);
	json_decref(body);
}

void snapshot_fini(struct snapshot *s)
{
	json_decref(s->vrrpd);
	json_decref(s->lbd);
	*s = (struct snapshot){0};
}

const char *snapshot_node(const struct snapshot *s)
{
	const char *name = jget_str(json_object_get(s->vrrpd, "daemon"), "node");

	if (!*name)
		name = jget_str(json_object_get(s->lbd, "daemon"), "node");
	return *name ? name : "this node";
}

const char *snapshot_peer(const struct snapshot *s)
{
	const char *name = jget_str(json_object_get(s->lbd, "peer"), "node");

	return *name ? name : "the peer";
}

const char *snapshot_peer_state(const struct snapshot *s, const char *group)
{
	const json_t *peer = json_object_get(s->lbd, "peer");
	size_t i;
	const json_t *row;

	/* The last words of a peer that is gone say nothing about now. */
	if (!jget_bool(peer, "connected", false))
		return "";
	json_array_foreach (json_object_get(peer, "groups"), i, row) {
		if (strcmp(jget_str(row, "group"), group) == 0)
			return jget_str(row, "state");
	}
	return "";
}
