// SPDX-License-Identifier: GPL-2.0-or-later
/* links: vrrpd/track */
#include "vrrpd/track.h"

#include <criterion/criterion.h>

static const struct track_link fine = {
	.name = "eth0",
	.exists = true,
	.admin_up = true,
	.carrier = true,
	.needs_address = true,
	.has_address = true,
};

Test(track, finds_no_fault_with_links_that_work)
{
	struct track_link links[] = {fine, fine};
	struct track_verdict v;

	track_judge(links, 2, 150, &v);
	cr_assert_eq(v.n_faults, 0);
	cr_assert_eq(v.priority, 150);
}

Test(track, names_the_first_thing_wrong_with_a_link)
{
	struct track_link gone = fine, down = fine, cut = fine, bare = fine;

	gone.exists = gone.admin_up = false;
	down.admin_up = down.carrier = false;
	cut.carrier = cut.has_address = false;
	bare.has_address = false;
	const struct {
		struct track_link link;
		const char *text;
	} cases[] = {
		{gone, "eth0: missing"},
		{down, "eth0: down"},
		{cut, "eth0: no carrier"},
		{bare, "eth0: no IPv4 address"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct track_verdict v;

		track_judge(&cases[i].link, 1, 100, &v);
		cr_assert_eq(v.n_faults, 1);
		cr_assert_str_eq(v.fault[0], cases[i].text);
	}
}

Test(track, takes_any_other_trouble_for_a_fault)
{
	struct track_link link = fine;
	struct track_verdict v;

	link.trouble = "cannot send";
	track_judge(&link, 1, 100, &v);
	cr_assert_eq(v.n_faults, 1);
	cr_assert_str_eq(v.fault[0], "eth0: cannot send");
}

Test(track, asks_for_an_address_only_where_vrrp_runs)
{
	struct track_link link = fine;
	struct track_verdict v;

	link.needs_address = link.has_address = false;
	track_judge(&link, 1, 100, &v);
	cr_assert_eq(v.n_faults, 0);
}

Test(track, depends_on_nothing_but_the_present_facts)
{
	struct track_link link = fine;
	struct track_verdict first, again;

	track_judge(&link, 1, 100, &first);
	for (int i = 0; i < 5; i++) {
		link.carrier = false;
		track_judge(&link, 1, 100, &again);
		cr_assert_eq(again.n_faults, 1);
	}
	link.carrier = true;
	track_judge(&link, 1, 100, &again);
	cr_assert_eq(again.n_faults, first.n_faults);
	cr_assert_eq(again.priority, first.priority);
}

Test(track, counts_more_faults_than_it_can_name)
{
	struct track_link links[TRACK_FAULTS_MAX + 3];
	struct track_verdict v;

	for (size_t i = 0; i < TRACK_FAULTS_MAX + 3; i++)
		links[i] = (struct track_link){.name = "eth0"};
	track_judge(links, TRACK_FAULTS_MAX + 3, 100, &v);
	cr_assert_eq(v.n_faults, TRACK_FAULTS_MAX + 3);
}
