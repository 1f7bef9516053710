/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts what was measured on a stage before the judge, and its verdicts into the result.
 */
#ifndef HA_JUDGEMENT_H
#define HA_JUDGEMENT_H

#include "stage.h"

/** For how long both nodes may take IP packets when the VIPs are handed over. */
mono judgement_overlap_max(void);
/** The last move is over: who became Active in it, who announced the VIPs. */
void judgement_of_move(struct stage *s);
/** Everything else, when the measurement is over. */
void judgement_of_all(struct stage *s);

#endif
