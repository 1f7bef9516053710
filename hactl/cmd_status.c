// SPDX-License-Identifier: GPL-2.0-or-later
/* hactl status: both daemons' answers, the verdict on them, one screen. */
#include "ask.h"
#include "options.h"

int cmd_status(const struct hactl *h, int argc, char **argv)
{
	struct out out;
	struct snapshot snapshot;
	struct verdict verdict;
	struct refusal why;
	int vrrpd_rc, lbd_rc;
	struct options options = {.usage = ""};
	int status = options_parse(h, argc, argv, &options);

	if (status >= 0)
		return status;
	out_init(&out, options.json);
	ask_status(h, &snapshot, &vrrpd_rc, &lbd_rc);
	verdict_judge(&snapshot, &verdict);
	out.ops->status(&out, &snapshot, &verdict);

	/* The screen says that a daemon is missing; why is a matter for stderr, in both forms. */
	out.ops = out_text_ops();
	if (vrrpd_rc) {
		ask_explain_rc(h, "vrrpd", vrrpd_rc, &why);
		out.ops->refusal(&out, &why);
	}
	if (lbd_rc) {
		ask_explain_rc(h, "lbd", lbd_rc, &why);
		out.ops->refusal(&out, &why);
	}
	if (!snapshot.vrrpd && !snapshot.lbd)
		status = HACTL_UNREACHABLE;
	else
		status = verdict.level == VERDICT_OK ? HACTL_DONE : HACTL_FAILED;
	snapshot_fini(&snapshot);
	out_fini(&out);
	return status;
}
