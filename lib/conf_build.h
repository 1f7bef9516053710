/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Second half of loading: sections and words → struct conf, defaults and names filled in. */
#ifndef HA_CONF_BUILD_H
#define HA_CONF_BUILD_H

#include "conf_read.h"

/**
 * Fills *conf (zeroed by the caller) from raw: values, defaults, references. Findings go to report,
 * and the raw section they are in is marked bad. A value that was refused stays zero, a reference
 * that was refused is SIZE_MAX.
 */
void conf_build(struct conf *conf, struct raw_conf *raw, struct conf_report *report);

#endif
