// SPDX-License-Identifier: GPL-2.0-or-later
#include "nearest.h"

#include <stdint.h>
#include <string.h>

enum {
	WORD_MAX = 63, /* longer words are nobody's typing mistake */
};

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/*
 * Edits that turn a into b: insert, delete, replace, or swap two neighbours (the commonest slip of
 * the fingers). Three rows of the usual matrix: the swap looks two rows back.
 */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][WORD_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i + 2) % 3];
		const size_t *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t replace = above[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = min3(replace, above[j] + 1, row[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    two_above[j - 2] + 1 < row[j])
				row[j] = two_above[j - 2] + 1;
		}
	}
	return rows[a_len % 3][b_len];
}

void nearest_offer(struct nearest *best, const char *typed, const char *candidate)
{
	size_t typed_len = strlen(typed);
	size_t candidate_len = strlen(candidate);

	if (typed_len == 0 || typed_len > WORD_MAX || candidate_len > WORD_MAX)
		return;

	size_t limit = candidate_len / 3 > 2 ? candidate_len / 3 : 2;
	size_t d = strncmp(candidate, typed, typed_len) == 0
			   ? 1
			   : distance(typed, typed_len, candidate, candidate_len);

	if (d > limit || d >= candidate_len || (best->word && d >= best->distance))
		return;
	best->word = candidate;
	best->distance = d;
}
