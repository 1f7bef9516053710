// SPDX-License-Identifier: GPL-2.0-or-later
#include "ask.h"

#include "jget.h"

#include <errno.h>
#include <string.h>

enum {
	STATUS_TIMEOUT_S = 5, /* a daemon that takes longer for a status is not well */
};

static void keep_row(void *arg, const struct ctl_reply *reply)
{
	snapshot_add(arg, reply);
}

/* Returns 0 with all rows in *object, or -errno with *object released and NULL. */
static int ask_one(const struct hactl *h, const char *daemon, json_t **object)
{
	struct ctl_reply last;
	const struct client_question q = {.rundir = h->rundir,
					  .daemon = daemon,
					  .cmd = "status",
					  .timeout = mono_from_s(STATUS_TIMEOUT_S),
					  .row = keep_row,
					  .arg = *object};
	int rc = *object ? client_ask(&q, &last) : -ENOMEM;

	if (rc == 0) {
		rc = last.code == CTL_DONE ? 0 : -EPROTO;
		ctl_reply_fini(&last);
	}
	if (rc) {
		json_decref(*object);
		*object = NULL;
	}
	return rc;
}

void ask_status(const struct hactl *h, struct snapshot *out, int *vrrpd_rc, int *lbd_rc)
{
	*out = (struct snapshot){.vrrpd = snapshot_new_vrrpd(), .lbd = snapshot_new_lbd()};
	*vrrpd_rc = ask_one(h, "vrrpd", &out->vrrpd);
	*lbd_rc = ask_one(h, "lbd", &out->lbd);
}

void ask_explain_reply(const struct ctl_reply *last, struct refusal *r)
{
	const char *text = jget_str(last->body, "text");

	*r = (struct refusal){.code = last->code};
	strlcpy(r->text, *text ? text : ctl_code_text((enum ctl_code)last->code), sizeof(r->text));
	strlcpy(r->remedy, jget_str(last->body, "remedy"), sizeof(r->remedy));
}

void ask_explain_rc(const struct hactl *h, const char *daemon, int rc, struct refusal *r)
{
	*r = (struct refusal){.code = CTL_FAILED};
	(void)client_explain(h->rundir, daemon, rc, r->text, sizeof(r->text));
	if (rc == -ENOENT || rc == -ECONNREFUSED)
		snprintf(r->remedy, sizeof(r->remedy), "systemctl start %s", daemon);
}
