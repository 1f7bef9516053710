/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What single values cannot show: clashes, gaps and combinations that cannot work. */
#ifndef HA_CONF_CHECK_H
#define HA_CONF_CHECK_H

#include "conf_read.h"

/**
 * Judges the relations in conf, as conf_build() left it. Sections marked bad are left alone: what
 * looks wrong there may only follow from what was reported already.
 */
void conf_check(const struct conf *conf, const struct raw_conf *raw, struct conf_report *report);

#endif
