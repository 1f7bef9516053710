// SPDX-License-Identifier: GPL-2.0-or-later
/* See ctl.h. Jansson keeps members in the order they were set, which puts "v" first. */
#include "ctl.h"

#include <errno.h>
#include <string.h>

static json_t *load_object(const void *packet, size_t len_bytes)
{
	if (len_bytes > CTL_PACKET_MAX)
		return NULL;

	json_t *root = json_loadb(packet, len_bytes, JSON_REJECT_DUPLICATES, NULL);
	if (root && !json_is_object(root)) {
		json_decref(root);
		return NULL;
	}
	return root;
}

static uint64_t get_id(const json_t *root)
{
	json_int_t id = json_integer_value(json_object_get(root, "id"));

	return id > 0 ? (uint64_t)id : 0;
}

static enum ctl_code take_members(const json_t *root, struct ctl_request *out)
{
	const json_t *v = json_object_get(root, "v");
	const char *cmd = json_string_value(json_object_get(root, "cmd"));
	json_t *args = json_object_get(root, "args");

	out->id = get_id(root);
	if (!json_is_integer(v) || json_integer_value(v) < CTL_VERSION_OLDEST ||
	    json_integer_value(v) > CTL_VERSION)
		return CTL_BAD_VERSION;
	if (!cmd || !*cmd)
		return CTL_BAD_PACKET;
	/* Too long for any command we know: cut, so that the answer can still quote it. */
	if (strlcpy(out->cmd, cmd, sizeof(out->cmd)) >= sizeof(out->cmd))
		return CTL_BAD_COMMAND;
	if (args && !json_is_object(args))
		return CTL_BAD_ARGS;
	out->args = json_incref(args);
	return CTL_DONE;
}

enum ctl_code ctl_request_decode(const void *packet, size_t len_bytes, struct ctl_request *out)
{
	*out = (struct ctl_request){0};

	json_t *root = load_object(packet, len_bytes);
	if (!root)
		return CTL_BAD_PACKET;

	enum ctl_code code = take_members(root, out);
	json_decref(root);
	return code;
}

void ctl_request_fini(struct ctl_request *req)
{
	json_decref(req->args);
	req->args = NULL;
}

static json_t *new_head(uint64_t id)
{
	return json_pack("{s:i, s:I}", "v", CTL_VERSION, "id", (json_int_t)id);
}

/* Returns the length, or 0 when root is incomplete (out of memory) or does not fit. */
static size_t dump(json_t *root, bool complete, char *buf, size_t cap_bytes)
{
	size_t len = complete ? json_dumpb(root, buf, cap_bytes, JSON_COMPACT) : 0;

	json_decref(root);
	return len <= cap_bytes && len <= CTL_PACKET_MAX ? len : 0;
}

size_t ctl_request_encode(uint64_t id, const char *cmd, const json_t *args, char *buf,
			  size_t cap_bytes)
{
	json_t *root = new_head(id);
	bool complete = root && json_object_set_new(root, "cmd", json_string(cmd)) == 0;

	if (complete && args)
		complete = json_object_set_new(root, "args", json_deep_copy(args)) == 0;
	return dump(root, complete, buf, cap_bytes);
}

int ctl_reply_decode(const void *packet, size_t len_bytes, struct ctl_reply *out)
{
	*out = (struct ctl_reply){0};

	json_t *root = load_object(packet, len_bytes);
	const json_t *v = json_object_get(root, "v");
	const json_t *code = json_object_get(root, "code");
	int rc = 0;

	if (!json_is_integer(v) || !json_is_integer(code))
		rc = -EPROTO;
	else if (json_integer_value(v) < CTL_VERSION_OLDEST || json_integer_value(v) > CTL_VERSION)
		rc = -EPROTONOSUPPORT;
	else if (json_integer_value(code) < 0 || json_integer_value(code) > 9999)
		rc = -EPROTO;
	if (rc) {
		json_decref(root);
		return rc;
	}
	out->id = get_id(root);
	out->code = (int)json_integer_value(code);
	out->end = json_is_true(json_object_get(root, "end"));
	out->body = root;
	return 0;
}

void ctl_reply_fini(struct ctl_reply *reply)
{
	json_decref(reply->body);
	reply->body = NULL;
}

size_t ctl_reply_encode(uint64_t id, enum ctl_code code, bool end, const json_t *body, char *buf,
			size_t cap_bytes)
{
	json_t *root = new_head(id);
	bool complete = root && json_object_set_new(root, "code", json_integer(code)) == 0;

	if (complete && end)
		complete = json_object_set_new(root, "end", json_true()) == 0;
	if (complete && body) {
		json_t *members = json_deep_copy(body);
		/* "missing" only: a body cannot forge v, id, code or end. */
		complete = json_object_update_missing(root, members) == 0;
		json_decref(members);
	}
	return dump(root, complete, buf, cap_bytes);
}

const char *ctl_code_text(enum ctl_code code)
{
	switch (code) {
	case CTL_DONE:
		return "done";
	case CTL_ROW_DAEMON:
		return "daemon";
	case CTL_ROW_GROUP:
		return "group";
	case CTL_ROW_VIP:
		return "vip";
	case CTL_ROW_PEER:
		return "peer";
	case CTL_ROW_SYNC:
		return "sync";
	case CTL_ROW_POOL:
		return "pool";
	case CTL_ROW_SERVER:
		return "server";
	case CTL_ROW_SERVICE:
		return "service";
	case CTL_EVENT_LOG:
		return "log record";
	case CTL_EVENT_ROLE:
		return "role change";
	case CTL_FAILED:
		return "failed";
	case CTL_REFUSED:
		return "refused";
	case CTL_TIMED_OUT:
		return "timed out";
	case CTL_NOT_ACTIVE:
		return "this node is not Active";
	case CTL_BAD_PACKET:
		return "not a request";
	case CTL_BAD_VERSION:
		return "protocol version not understood";
	case CTL_BAD_COMMAND:
		return "unknown command";
	case CTL_BAD_ARGS:
		return "wrong arguments";
	case CTL_DENIED:
		return "permission denied: only root may do that";
	}
	return "unknown code";
}
