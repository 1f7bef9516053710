// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lists of elements and the difference between two plans: both sides are sorted, so one walk finds
 * what is gone, what is new and what points elsewhere.
 */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

bool plan_list_add(struct plan_list *list, const struct plan_elem *elem)
{
	if (list->n == list->cap) {
		size_t cap = list->cap == 0 ? 64 : list->cap * 2;
		struct plan_elem *grown = reallocarray(list->elem, cap, sizeof(*grown));
		if (grown == NULL)
			return false;
		list->elem = grown;
		list->cap = cap;
	}
	list->elem[list->n++] = *elem;
	return true;
}

/* By key, then key_end; 0 means the same place in the set, whatever the data. */
static int compare_place(const void *a, const void *b)
{
	const struct plan_elem *x = a;
	const struct plan_elem *y = b;
	int order = memcmp(x->key, y->key, sizeof(x->key));
	return order != 0 ? order : memcmp(x->key_end, y->key_end, sizeof(x->key_end));
}

void plan_list_sort(struct plan_list *list)
{
	if (list->n > 1)
		qsort(list->elem, list->n, sizeof(*list->elem), compare_place);
}

bool plan_copy(struct plan *to, const struct plan *from)
{
	plan_fini(to);
	for (size_t i = 0; i < PLAN_SET_N; i++) {
		const struct plan_list *list = &from->set[i];
		if (list->n == 0)
			continue;
		to->set[i].elem = reallocarray(NULL, list->n, sizeof(*list->elem));
		if (to->set[i].elem == NULL) {
			plan_fini(to);
			return false;
		}
		memcpy(to->set[i].elem, list->elem, list->n * sizeof(*list->elem));
		to->set[i].n = list->n;
		to->set[i].cap = list->n;
	}
	to->seed = from->seed;
	to->buckets = from->buckets;
	to->conflicts = from->conflicts;
	return true;
}

static bool diff_lists(struct plan_list *del, struct plan_list *add,
		       const struct plan_list *applied, const struct plan_list *wanted)
{
	size_t a = 0;
	size_t w = 0;
	while (a < applied->n || w < wanted->n) {
		int order = 0;
		if (a == applied->n)
			order = 1;
		else if (w == wanted->n)
			order = -1;
		else
			order = compare_place(&applied->elem[a], &wanted->elem[w]);
		bool same = order == 0 && memcmp(applied->elem[a].data, wanted->elem[w].data,
						 sizeof(applied->elem[a].data)) == 0;
		if (order <= 0 && !same && !plan_list_add(del, &applied->elem[a]))
			return false;
		if (order >= 0 && !same && !plan_list_add(add, &wanted->elem[w]))
			return false;
		a += order <= 0;
		w += order >= 0;
	}
	return true;
}

bool plan_diff(struct plan_diff *diff, const struct plan *applied, const struct plan *wanted)
{
	*diff = (struct plan_diff){0};
	for (size_t i = 0; i < PLAN_SET_N; i++) {
		if (!diff_lists(&diff->del[i], &diff->add[i], &applied->set[i], &wanted->set[i])) {
			plan_diff_fini(diff);
			return false;
		}
	}
	diff->hash_changed = applied->seed != wanted->seed || applied->buckets != wanted->buckets;
	return true;
}

bool plan_diff_is_empty(const struct plan_diff *diff)
{
	for (size_t i = 0; i < PLAN_SET_N; i++) {
		if (diff->del[i].n > 0 || diff->add[i].n > 0)
			return false;
	}
	return !diff->hash_changed;
}

void plan_diff_fini(struct plan_diff *diff)
{
	for (size_t i = 0; i < PLAN_SET_N; i++) {
		free(diff->del[i].elem);
		free(diff->add[i].elem);
	}
	*diff = (struct plan_diff){0};
}
